import { useEffect } from 'preact/hooks';
import { ProgressBar } from '../../../../../page/views/progress-bar.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { DoctorState } from '../../../../contract/robot-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';
import { useAnswer } from '../../use-answer.js';
import { useNow } from '../../use-now.js';
import type { PlaceProps } from '../place-props.js';

const POLL_MS = 700;

type Check = DoctorState['checks'][number];
type State = Check['state'];

const STATE_KEYS: Readonly<Record<State, WordKey>> = {
  ok: 'robot.checkOk',
  warning: 'robot.checkWarning',
  failed: 'robot.checkFailed',
  skipped: 'robot.checkSkipped',
};
const MARKS: Readonly<Record<State, string>> = { ok: '✓', warning: '!', failed: '✕', skipped: '–' };
const WORST_FIRST: readonly State[] = ['failed', 'warning', 'ok', 'skipped'];

/** The checks of `headland doctor`, with remedies. */
export function DoctorSection({ page }: PlaceProps) {
  const words = useWords(page);
  const { answer, reload } = useAnswer(page, 'GET /api/robot/doctor', {});
  const running = answer?.running ?? false;
  const nowMs = useNow(page.clock, 30_000);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(reload, POLL_MS);
    return () => clearInterval(timer);
  }, [running, reload]);
  const checks = [...(answer?.checks ?? [])].sort(
    (a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state),
  );
  const finishedAtMs = answer?.finishedAtMs ?? null;
  return (
    <section class="card" aria-labelledby="doctor-title">
      <header>
        <h3 id="doctor-title">{words.say('robot.doctorTitle')}</h3>
        <button
          class="primary"
          id="doctor-run"
          type="button"
          disabled={running}
          onClick={() => void start(page, reload)}
        >
          {words.say(running ? 'robot.doctorRunning' : 'robot.doctorRun')}
        </button>
      </header>
      <p class="hint">
        {finishedAtMs === null
          ? words.say('robot.doctorNever')
          : words.say('robot.doctorLast', { ago: words.ago(finishedAtMs, nowMs) })}
      </p>
      {running && answer !== null && (
        <>
          <ProgressBar
            share={answer.total > 0 ? answer.done / answer.total : 0}
            label={words.say('robot.doctorRunning')}
          />
          <p class="hint" role="status">
            {words.say('robot.doctorStep', {
              done: answer.done,
              total: answer.total,
              check: answer.check ?? '',
            })}
          </p>
        </>
      )}
      <ul class="checks" id="doctor-checks">
        {checks.map((check) => (
          <CheckLine key={check.name} check={check} say={(key) => words.say(key)} />
        ))}
      </ul>
    </section>
  );
}

/** A check that is fine is one line; the others say what is wrong and what to do. */
function CheckLine({ check, say }: { check: Check; say: (key: WordKey) => string }) {
  const { name, state, findings } = check;
  return (
    <li data-state={state}>
      <details open={state === 'failed' || state === 'warning'}>
        <summary>
          <span class="mark" aria-hidden="true">
            {MARKS[state]}
          </span>
          <strong lang="en">{name}</strong>
          <span class="hint">{say(STATE_KEYS[state])}</span>
        </summary>
        <ul lang="en">
          {findings.map(({ subject, code, reason, remedy, state: found }) => (
            <li key={`${subject} ${reason}`} data-state={found}>
              <p>{subject === null ? reason : `${subject}: ${reason}`}</p>
              {remedy !== null && <p class="remedy">{remedy}</p>}
              {code !== null && <p class="hint">{code}</p>}
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

async function start(page: PageParts, reload: () => void): Promise<void> {
  try {
    await page.api.call('POST /api/robot/doctor', {});
  } catch (error) {
    page.notices.problem(error);
  }
  reload();
}
