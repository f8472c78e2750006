import { useEffect, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { TimelineEntry } from '../../../../contract/brain-contract.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';
import { ENGLISH } from '../../../words/catalogue/catalogue.js';
import { useNow } from '../../use-now.js';
import { withParams } from '../pictures/picture-filter.js';

export type Timeline = AnswerOf<'GET /api/brain/timeline'>;
export const ENTRIES_SHOWN = 12;

/** What was trained and which version served, newest first. */
export function VersionTimeline({
  page,
  newest,
  current,
}: {
  page: PageParts;
  /** Null: not known yet. */
  newest: Timeline | null;
  /** The version whose report is open. */
  current: number | null;
}) {
  const words = useWords(page);
  const [older, setOlder] = useState<Timeline | null>(null);
  useEffect(() => setOlder(null), [newest]);
  const entries = [...(newest?.entries ?? []), ...(older?.entries ?? [])];
  const more = (older ?? newest)?.more ?? false;
  const loadMore = async () => {
    const before = entries.at(-1)?.at;
    if (before === undefined) return;
    try {
      const query = { limit: String(ENTRIES_SHOWN), before };
      const next = await page.api.call('GET /api/brain/timeline', { query });
      setOlder({ ...next, entries: [...(older?.entries ?? []), ...next.entries] });
    } catch (error) {
      page.notices.problem(error);
    }
  };
  return (
    <section class="card" aria-labelledby="timeline-title">
      <header>
        <h2 id="timeline-title">{words.say('brain.timeline')}</h2>
      </header>
      {newest !== null && entries.length === 0 && (
        <p class="empty">{words.say('brain.timelineEmpty')}</p>
      )}
      <ol class="timeline" id="timeline">
        {entries.map((entry) => (
          <li
            key={`${entry.kind} ${entry.at} ${entry.version}`}
            data-kind={entry.kind}
            data-outcome={entry.kind === 'training' ? entry.outcome : undefined}
          >
            <Entry page={page} entry={entry} current={current} />
          </li>
        ))}
      </ol>
      {more && (
        <button type="button" id="timeline-more" onClick={() => void loadMore()}>
          {words.say('brain.older')}
        </button>
      )}
    </section>
  );
}

function Entry({
  page,
  entry,
  current,
}: {
  page: PageParts;
  entry: TimelineEntry;
  current: number | null;
}) {
  const words = useWords(page);
  const nowMs = useNow(page.clock, 60_000);
  const when = (
    <time dateTime={entry.at} title={words.date(Date.parse(entry.at))}>
      {words.ago(Date.parse(entry.at), nowMs)}
    </time>
  );
  if (entry.kind === 'switch') {
    return (
      <p class="entry-switch">
        {switchWords(entry, words)} {when}
      </p>
    );
  }
  const { version, outcome, verdict, labels, serving, pinned, stored, fleetVersion } = entry;
  const name =
    version === null
      ? words.say(`brain.outcome.${outcome}`)
      : words.say('brain.versionName', { version });
  return (
    <>
      <p class="entry-head">
        {stored && version !== null ? (
          <a
            href={versionLink(page, version)}
            aria-current={version === current ? 'true' : undefined}
            data-version={version}
          >
            {name}
          </a>
        ) : (
          <b>{name}</b>
        )}
        {serving && <span class="tag">{words.say('brain.serving')}</span>}
        {pinned && <span class="tag">{words.say('brain.pinned')}</span>}
        {fleetVersion !== null && (
          <span class="tag">{words.say('brain.fleetHead', { version: fleetVersion })}</span>
        )}
        {outcome === 'refused' && (
          <span class="tag tag-refused">{words.say('brain.outcome.refused')}</span>
        )}
        <span class="grow" />
        {when}
      </p>
      <p>{words.message(verdict)}</p>
      {labels !== null && <small>{words.say('brain.labelCount', { count: labels })}</small>}
    </>
  );
}

/** Address of a version's report, beside what is compared. */
export function versionLink(page: PageParts, version: number): string {
  const { params } = page.store.state;
  return page.address.link('brain', withParams(params, { version: String(version) }));
}

function switchWords(
  { version, how, by }: Extract<TimelineEntry, { kind: 'switch' }>,
  words: PageParts['words'],
): string {
  const known = (key: string, otherwise: string) =>
    key in ENGLISH ? words.say(key as WordKey, { version: version ?? '' }) : otherwise;
  const what =
    version === null && how !== 'unpinned'
      ? words.say('brain.how.none')
      : known(`brain.how.${how}`, `${how} ${version ?? ''}`);
  return `${what} · ${known(`brain.by.${by}`, by)}`;
}
