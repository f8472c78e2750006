import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { ConsoleStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { noHead, serves } from '../../../words/head-words.js';
import { of100 } from '../../parts/learning-curve.js';
import { TrainingBar } from '../../parts/training-bar.js';
import type { BrainOrders } from './brain-orders.js';

type VersionFigures = AnswerOf<'GET /api/brain/versions/{version}'>;

const LEVELS = ['beginner', 'useful', 'proven'] as const;

/** How far the answers can be trusted, in plain words, and what to do next. */
export function TrustHeadline({
  page,
  status,
  figures,
  orders,
}: {
  page: PageParts;
  status: ConsoleStatus;
  /** Of the serving version; null: none serves, or they are not known yet. */
  figures: VersionFigures | null;
  orders: BrainOrders;
}) {
  const words = useWords(page);
  const live = useSelected(page.store, (state) => state.link === 'live');
  const { head, training } = status;
  const level = LEVELS.find((each) => each === status.trust) ?? null;
  const kind = level ?? (head === null && status.learnt === null ? 'none' : 'unknown');
  return (
    <section class="card trust" id="trust" data-level={kind} aria-labelledby="trust-title">
      <p class="trust-eyebrow">
        {head === null
          ? words.say(status.learnt === null ? 'brain.noHead' : 'brain.firstLabels')
          : words.say('brain.servingVersion', { version: head.version })}
        {status.pinned && <span class="tag">{words.say('brain.pinned')}</span>}
      </p>
      <div class="trust-words">
        <h2 id="trust-title">
          <Steps level={level} />
          {words.say(`brain.level.${kind}`)}
        </h2>
        <p>{words.say(`brain.levelWords.${kind}`)}</p>
        {figures !== null && (
          <Evidence page={page} figures={figures} beginner={kind === 'beginner'} />
        )}
      </div>
      <div class="next-step">
        <h3>{words.say('brain.next')}</h3>
        <NextSteps page={page} status={status} />
        <div class="choices">
          <button
            type="button"
            class="primary"
            id="go-teach"
            onClick={() => page.address.go('teach')}
          >
            {words.say('brain.teach')}
          </button>
          {training !== null && (
            <button
              type="button"
              id="train"
              disabled={!live || !mayTrain(status)}
              onClick={() => void orders.train()}
            >
              {words.say('brain.train')}
            </button>
          )}
        </div>
        {training === null && <p class="hint">{words.say('brain.trainsNot')}</p>}
      </div>
      <TrainingBar page={page} />
    </section>
  );
}

/** Three marks, as many filled as the level is high: no information by words alone. */
function Steps({ level }: { level: (typeof LEVELS)[number] | null }) {
  const reached = level === null ? -1 : LEVELS.indexOf(level);
  return (
    <span class="trust-steps" aria-hidden="true">
      {LEVELS.map((each, index) => (
        <i key={each} data-filled={index <= reached} />
      ))}
    </span>
  );
}

/** What the level rests on: never a bare share, and for a beginner no share at all. */
function Evidence({
  page,
  figures: { accuracy, samples, suspects },
  beginner,
}: {
  page: PageParts;
  figures: VersionFigures;
  beginner: boolean;
}) {
  const words = useWords(page);
  if (accuracy === null || samples === 0) return <p>{words.say('brain.untested')}</p>;
  const bounds = of100(accuracy);
  return (
    <>
      <p id="evidence">
        {beginner
          ? words.say('brain.evidenceBeginner', { count: samples, ...bounds })
          : words.say('brain.evidence', {
              count: samples,
              right: Math.round(accuracy.value * 100),
              ...bounds,
            })}
      </p>
      {suspects > 0 && (
        <p>
          <a href={page.address.link('pictures', { verdict: 'suspect' })}>
            {words.say('brain.suspects', { count: suspects })}
          </a>
        </p>
      )}
    </>
  );
}

function NextSteps({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const words = useWords(page);
  if (status.nextSteps.length > 0) {
    return <p>{status.nextSteps.map((step) => words.message(step)).join(' ')}</p>;
  }
  if (status.next !== null) return <p>{status.next}</p>;
  if (serves(status)) return <p>{words.say('brain.nextQuestions')}</p>;
  return noHead(status, words)
    .filter((text) => text !== '')
    .map((text) => <p key={text}>{text}</p>);
}

function mayTrain({ training, samples }: ConsoleStatus): boolean {
  return (
    training !== null &&
    !training.running &&
    samples.labelled >= training.minLabels &&
    samples.classes.length >= 2
  );
}
