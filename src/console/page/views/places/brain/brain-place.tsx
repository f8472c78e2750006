import { useMemo } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import { LearningCurve } from '../../parts/learning-curve.js';
import { useAnswer } from '../../use-answer.js';
import type { PlaceProps } from '../place-props.js';
import { BrainOrders } from './brain-orders.js';
import { CompareCard } from './compare-card.js';
import { TrustHeadline } from './trust-headline.js';
import { VersionReport } from './version-report.js';
import { ENTRIES_SHOWN, VersionTimeline, versionLink } from './version-timeline.js';

/** What was learnt, how far it can be trusted, and the way back. */
export function BrainPlace({ page, status }: PlaceProps) {
  const words = useWords(page);
  const params = useSelected(page.store, (state) => state.params);
  const orders = useMemo(() => new BrainOrders(page), [page]);
  const { answer: timeline, problem } = useAnswer(page, 'GET /api/brain/timeline', {
    query: { limit: String(ENTRIES_SHOWN) },
  });
  const { answer: curve } = useAnswer(page, 'GET /api/brain/curve', {});
  const { answer: heads } = useAnswer(page, 'GET /api/heads', {});
  const serving = status.head?.version ?? null;
  const versions = (heads?.heads ?? []).map(({ version }) => version);
  const wanted = /^[1-9]\d{0,8}$/.test(params.version ?? '') ? Number(params.version) : null;
  const shown = wanted ?? serving ?? versions[0] ?? null;
  const ofShown = useVersion(page, shown);
  const ofServing = useVersion(page, serving === shown ? null : serving);
  const figures = serving === shown ? ofShown.answer : ofServing.answer;
  const points = curve?.points ?? [];
  return (
    <div class="brain-place">
      <TrustHeadline
        page={page}
        status={status}
        figures={figures?.version === serving ? figures : null}
        orders={orders}
      />
      <div class="brain-main" hidden={shown === null}>
        {shown !== null && (
          <VersionReport
            page={page}
            status={status}
            version={shown}
            answer={ofShown.answer}
            problem={ofShown.problem}
            pinned={timeline?.pinned ?? null}
            orders={orders}
            chosen={wanted !== null}
          />
        )}
        {versions.length > 1 && <CompareCard page={page} versions={versions} />}
      </div>
      <div class="brain-side">
        {points.length > 0 && (
          <section class="card" aria-labelledby="curve-title">
            <header>
              <h2 id="curve-title">{words.say('brain.curve')}</h2>
            </header>
            <LearningCurve
              points={points}
              words={words}
              current={shown}
              link={(version) => versionLink(page, version)}
            />
            <p class="hint">{words.say('brain.curveHelp')}</p>
          </section>
        )}
        {problem !== null && timeline === null && <p class="card problem">{problem.message}</p>}
        <VersionTimeline page={page} newest={timeline} current={shown} />
      </div>
    </div>
  );
}

function useVersion(page: PlaceProps['page'], version: number | null) {
  const request = version === null ? null : { params: { version: String(version) } };
  return useAnswer(page, 'GET /api/brain/versions/{version}', request);
}
