import { useEffect, useRef } from 'preact/hooks';
import type { Refusal } from '../../../../../page/request/refusal.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { ConsoleStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { ConfusionMatrix } from '../../parts/confusion-matrix.js';
import { of100 } from '../../parts/learning-curve.js';
import { ReliabilityDiagram } from '../../parts/reliability-diagram.js';
import { AnswerPairs } from './answer-pairs.js';
import type { BrainOrders } from './brain-orders.js';
import { ClassTable } from './class-table.js';

export type VersionAnswer = AnswerOf<'GET /api/brain/versions/{version}'>;

/** Everything about one version: the verdict, what it confuses, how sure it may be, and what can be done with it. */
export function VersionReport({
  page,
  status,
  version,
  answer,
  problem,
  pinned,
  orders,
  chosen,
}: {
  page: PageParts;
  status: ConsoleStatus;
  version: number;
  answer: VersionAnswer | null;
  problem: Refusal | null;
  pinned: number | null;
  orders: BrainOrders;
  /** A person has opened it: it takes the focus. */
  chosen: boolean;
}) {
  const words = useWords(page);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!chosen) return;
    title.current?.focus({ preventScroll: true });
    title.current?.scrollIntoView({ block: 'start' });
  }, [version, chosen]);
  const isKnown = answer?.version === version;
  return (
    <section class="card version" id="version" aria-labelledby="version-title">
      <header>
        <h2 id="version-title" tabIndex={-1} ref={title}>
          {words.say('brain.versionName', { version })}
        </h2>
        {isKnown && answer.head.serving && <span class="tag">{words.say('brain.serving')}</span>}
        {pinned === version && <span class="tag">{words.say('brain.pinned')}</span>}
      </header>
      {!isKnown && problem === null && <p class="empty">{words.say('shell.loading')}</p>}
      {!isKnown && problem !== null && <p class="problem">{problem.message}</p>}
      {isKnown && (
        <>
          <Verdict page={page} answer={answer} />
          <Actions page={page} status={status} answer={answer} pinned={pinned} orders={orders} />
          <Figures page={page} answer={answer} />
        </>
      )}
    </section>
  );
}

/** A verdict counts with the labels of its training; corrections since then change what is right. */
function LabelsOfNow({ page, answer }: { page: PageParts; answer: VersionAnswer }) {
  const words = useWords(page);
  const { verdict, accuracy, samples } = answer;
  if (accuracy === null || verdict.values.right === undefined) return null;
  const right = Math.round(accuracy.value * samples);
  if (right === verdict.values.right && samples === verdict.values.samples) return null;
  return <p id="labels-of-now">{words.say('brain.labelsOfNow', { right, samples })}</p>;
}

function Verdict({ page, answer }: { page: PageParts; answer: VersionAnswer }) {
  const words = useWords(page);
  const { verdict, better, worse, comparedWith, version, details, changes } = answer;
  const names = [
    words.say('brain.versionName', { version: comparedWith ?? '' }),
    words.say('brain.versionName', { version }),
  ] as const;
  return (
    <>
      <p class="verdict-words" id="verdict">
        {words.message(verdict)}
      </p>
      <LabelsOfNow page={page} answer={answer} />
      <AnswerPairs
        page={page}
        id="better"
        title={words.say('brain.oldWrong')}
        pairs={better}
        names={names}
      />
      <AnswerPairs
        page={page}
        id="worse"
        title={words.say('brain.oldRight')}
        pairs={worse}
        names={names}
      />
      {(details.length > 0 || changes.length > 0) && (
        <details>
          <summary>{words.say('brain.details')}</summary>
          <ul class="checks">
            {changes.map((change) => (
              <li key={change.text}>{words.message(change)}</li>
            ))}
            {details.map((detail) => (
              <li key={detail.key} data-passed={detail.passed}>
                <i aria-hidden="true">{detail.passed ? '✓' : '✗'}</i> {words.message(detail)}
                {/* The figures of a check are for those who read reports, which are in English. */}
                <small lang="en">{detail.text}</small>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Actions({
  page,
  status,
  answer: { version, head },
  pinned,
  orders,
}: {
  page: PageParts;
  status: ConsoleStatus;
  answer: VersionAnswer;
  pinned: number | null;
  orders: BrainOrders;
}) {
  const words = useWords(page);
  const serving = status.head?.version ?? null;
  const lost = (status.head?.labels ?? []).filter((label) => !head.labels.includes(label));
  const isOlder = serving !== null && version < serving;
  return (
    <div class="choices" id="version-actions">
      {!head.serving && isOlder && (
        <button type="button" id="rollback" onClick={() => void orders.rollback(version, lost)}>
          {words.say('brain.rollback', { version })}
        </button>
      )}
      {!head.serving && !isOlder && (
        <button type="button" id="promote" onClick={() => void orders.promote(version, lost)}>
          {words.say('brain.promote', { version })}
        </button>
      )}
      {pinned === version ? (
        <button type="button" id="unpin" onClick={() => void orders.unpin()}>
          {words.say('brain.unpin')}
        </button>
      ) : (
        head.serving && (
          <button type="button" id="pin" onClick={() => void orders.pin(version)}>
            {words.say('brain.pin', { version })}
          </button>
        )
      )}
      <a
        class="button"
        id="onnx"
        href={page.api.address('GET /api/brain/versions/{version}/onnx', {
          params: { version: String(version) },
        })}
        download=""
      >
        {words.say('brain.onnx')}
      </a>
    </div>
  );
}

function Figures({ page, answer }: { page: PageParts; answer: VersionAnswer }) {
  const words = useWords(page);
  const { version, samples, accuracy, macroF1, basis, labels, confusion, answersStored } = answer;
  if (samples === 0 || accuracy === null) return <p>{words.say('brain.untested')}</p>;
  const link = (label: string, answered: string) =>
    answersStored
      ? page.address.link('pictures', { label, answered, version: String(version) })
      : null;
  return (
    <>
      <h3>{words.say('brain.confusion')}</h3>
      <p class="hint">
        {words.say(basis === 'holdout' ? 'brain.basisHoldout' : 'brain.basisLeftOut', {
          count: samples,
        })}
      </p>
      <ConfusionMatrix confusion={{ labels, confusion }} words={words} link={link} />
      <details class="statistics">
        <summary>{words.say('brain.statistics')}</summary>
        <dl class="rows">
          <div>
            <dt>{words.say('brain.accuracy')}</dt>
            <dd>{words.say('brain.between', of100(accuracy))}</dd>
          </div>
          {macroF1 !== null && (
            <div>
              <dt>{words.say('brain.macroF1')}</dt>
              <dd>{words.say('brain.between', of100(macroF1))}</dd>
            </div>
          )}
          {answer.ece !== null && (
            <div>
              <dt>{words.say('brain.ece')}</dt>
              <dd>{words.percent(answer.ece, 1)}</dd>
            </div>
          )}
          <div>
            <dt>{words.say('brain.learner')}</dt>
            <dd>{answer.head.learner}</dd>
          </div>
        </dl>
        <h3>{words.say('brain.perClass')}</h3>
        <ClassTable page={page} classes={answer.classes} link={link} />
        {answer.reliability.length > 0 && (
          <>
            <h3>{words.say('brain.reliability')}</h3>
            <p class="hint">{words.say('brain.reliabilityHelp')}</p>
            <ReliabilityDiagram bins={answer.reliability} words={words} />
          </>
        )}
      </details>
    </>
  );
}
