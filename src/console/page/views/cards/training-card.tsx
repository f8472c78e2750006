import type { ConsoleStatus, TrainingState } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { capitalised, duration, percent, plural } from '../../words/figures.js';
import { noHead } from '../../words/head-words.js';
import { ProgressBar } from '../progress-bar.js';
import { useSelected } from '../use-selected.js';
import { ScoreHistory } from './score-history.js';
import { TrainingVerdict } from './training-verdict.js';

/** The running or next training, the last report and the history of scores. */
export function TrainingCard({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const reports = useSelected(page.store, (state) => state.reports);
  const live = useSelected(page.store, (state) => state.link === 'live');
  const { training } = status;
  const [last] = reports;
  return (
    <section class="card training" aria-labelledby="training-title">
      <header>
        <h2 id="training-title">Training</h2>
        <button
          id="train"
          type="button"
          hidden={training === null}
          disabled={!live || !mayTrain(status)}
          onClick={() => void page.training.train()}
        >
          {training?.running ? 'Training…' : 'Train now'}
        </button>
      </header>
      <div id="training-now">
        {training === null && <p class="empty">This robot does not train.</p>}
        {training?.running === true && <Running training={training} />}
        {training?.running === false && <Waiting page={page} status={status} training={training} />}
      </div>
      <div id="training-last">
        {last !== undefined && (
          <>
            <TrainingVerdict
              report={last}
              serving={status.head?.version ?? null}
              nowMs={page.clock.nowMs()}
            />
            <ScoreHistory reports={reports} />
          </>
        )}
      </div>
    </section>
  );
}

function mayTrain({ training, samples }: ConsoleStatus): boolean {
  return (
    training !== null &&
    !training.running &&
    samples.labelled >= training.minLabels &&
    samples.classes.length >= 2
  );
}

const PAUSED = { heat: 'heat', supply: 'weak supply', memory: 'little memory', cpu: 'busy board' };

function Running({ training }: { training: TrainingState }) {
  const { done, total, etaSeconds, phase, paused } = training;
  const share = total > 0 ? done / total : 0;
  const left = etaSeconds === null ? '' : `about ${duration(etaSeconds)} left`;
  const steps = total > 0 ? ` ${done} of ${total}` : '';
  return (
    <>
      <p class="spread">
        <b>{`${capitalised(phase ?? 'starting')}${steps}`}</b>
        <span class="hint">{paused === null ? left : `paused: ${PAUSED[paused]}`}</span>
      </p>
      <ProgressBar share={share} label={`Training ${percent(share)} done`} />
    </>
  );
}

function Waiting({
  page,
  status,
  training,
}: {
  page: PageParts;
  status: ConsoleStatus;
  training: TrainingState;
}) {
  const { newLabels, everyNewLabels } = training;
  return (
    <>
      <NextStep page={page} status={status} />
      {everyNewLabels === 0 ? (
        <p>{`${plural(newLabels, 'new label')} since the last training.`}</p>
      ) : (
        <>
          <p class={status.head === null ? 'hint' : ''}>
            {`${newLabels} of ${plural(everyNewLabels, 'new label')} for the next automatic training.`}
          </p>
          <ProgressBar
            share={newLabels / everyNewLabels}
            label={`${newLabels} of ${everyNewLabels} new labels`}
          />
        </>
      )}
    </>
  );
}

/** The next step that raises the trust, or what is missing for a first head. */
function NextStep({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  if (status.next !== null) return <p>{status.next}</p>;
  if (status.head !== null) return null;
  const words = noHead(status, page.words).filter((part) => part !== '');
  return <p>{words.join('. ')}</p>;
}
