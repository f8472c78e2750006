import { useEffect, useState } from 'preact/hooks';
import { Refusal } from '../../../../../page/request/refusal.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { LogRecord, RobotEvent } from '../../../../contract/robot-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';
import type { PlaceProps } from '../place-props.js';

const LOG_POLL_MS = 2_000;
const LOG_KEPT = 500;
const EVENTS_PAGE = 50;

type Kind = RobotEvent['kind'];
type Level = 'info' | 'warn' | 'error';

/** What has happened, in words: events that survive restarts, and the log of this process. */
export function HistorySection({ page }: PlaceProps) {
  return (
    <>
      <EventsCard page={page} />
      <LogCard page={page} />
    </>
  );
}

function EventsCard({ page }: { page: PageParts }) {
  const words = useWords(page);
  const [kind, setKind] = useState<Kind | null>(null);
  const [events, setEvents] = useState<readonly RobotEvent[] | null>(null);
  const [more, setMore] = useState(false);
  const load = async (before: number | null, shown: readonly RobotEvent[]) => {
    try {
      const query = {
        limit: String(EVENTS_PAGE),
        ...(kind === null ? {} : { kind }),
        ...(before === null ? {} : { before: String(before) }),
      };
      const answer = await page.api.call('GET /api/robot/events', { query });
      setEvents([...shown, ...answer.events]);
      setMore(answer.more);
    } catch (error) {
      page.notices.problem(error);
    }
  };
  useEffect(() => void load(null, []), [kind]);
  const kinds = [null, ...EVENT_KINDS_SHOWN];
  return (
    <section class="card" aria-labelledby="events-title">
      <header>
        <h3 id="events-title">{words.say('robot.events')}</h3>
      </header>
      <fieldset class="choice-chips" aria-label={words.say('robot.eventKinds')}>
        {kinds.map((each) => (
          <button
            key={each ?? 'all'}
            class="filter-chip"
            type="button"
            aria-pressed={kind === each}
            onClick={() => setKind(each)}
          >
            {words.say(`robot.kind_${each ?? 'all'}`)}
          </button>
        ))}
      </fieldset>
      {events?.length === 0 && <p class="empty">{words.say('robot.noEvents')}</p>}
      <ol class="events" id="events">
        {events?.map(({ id, atMs, severity, kind: of, message }) => (
          <li key={id} data-severity={severity}>
            <time dateTime={new Date(atMs).toISOString()}>{words.date(atMs)}</time>
            <span class="tag-kind">{words.say(`robot.kind_${of}`)}</span>
            <span>{words.message(message)}</span>
          </li>
        ))}
      </ol>
      {more && (
        <button type="button" onClick={() => void load(events?.at(-1)?.id ?? null, events ?? [])}>
          {words.say('robot.older')}
        </button>
      )}
    </section>
  );
}

const EVENT_KINDS_SHOWN: readonly Kind[] = [
  'alarm',
  'camera',
  'training',
  'head',
  'alert',
  'change',
];
const LEVELS: readonly Level[] = ['info', 'warn', 'error'];
const LEVEL_KEYS: Readonly<Record<LogRecord['level'], WordKey>> = {
  info: 'robot.levelInfo',
  warn: 'robot.levelWarn',
  error: 'robot.levelError',
  fatal: 'robot.levelError',
};

function LogCard({ page }: { page: PageParts }) {
  const words = useWords(page);
  const [level, setLevel] = useState<Level>('info');
  const [records, setRecords] = useState<readonly LogRecord[]>([]);
  useEffect(() => {
    let after = 0;
    let gone = false;
    const follow = async () => {
      if (document.hidden) return;
      try {
        const query = { level, after: String(after) };
        const answer = await page.api.call('GET /api/robot/log', { query });
        if (gone) return;
        after = answer.newest;
        if (answer.records.length === 0) return;
        setRecords((shown) => [...answer.records.toReversed(), ...shown].slice(0, LOG_KEPT));
      } catch (error) {
        // The next poll tries again; the header says that the connection is lost.
        if (!(error instanceof Refusal)) throw error;
      }
    };
    setRecords([]);
    void follow();
    const timer = setInterval(() => void follow(), LOG_POLL_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [page, level]);
  return (
    <section class="card" aria-labelledby="log-title">
      <header>
        <h3 id="log-title">{words.say('robot.log')}</h3>
        <label class="inline">
          {words.say('robot.leastLevel')}
          <select
            id="log-level"
            value={level}
            onChange={({ currentTarget: { value } }) =>
              setLevel(LEVELS.find((each) => each === value) ?? 'info')
            }
          >
            {LEVELS.map((each) => (
              <option key={each} value={each}>
                {words.say(LEVEL_KEYS[each])}
              </option>
            ))}
          </select>
        </label>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard */}
      <ol class="log" id="log" tabIndex={0} aria-label={words.say('robot.log')} lang="en">
        {records.map(({ sequence, atMs, level: of, message, facts, remedy }) => (
          <li key={sequence} data-level={of}>
            <time dateTime={new Date(atMs).toISOString()}>
              {words.date(atMs, { timeStyle: 'medium' })}
            </time>
            <span class="level">{words.say(LEVEL_KEYS[of])}</span>
            <span class="text">
              {message}
              {facts !== '' && <small>{` ${facts}`}</small>}
              {remedy !== null && <em>{` ${remedy}`}</em>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
