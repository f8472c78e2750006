import { DoNotDisturb } from '../../agent/do-not-disturb.js';
import { TrainingService } from '../../agent/learning/training-service.js';
import { localOperations } from '../../agent/local-operations.js';
import { openState } from '../../agent/open-state.js';
import { deserialiseError } from '../../base/errors.js';
import type { Trust } from '../../head/trust.js';
import type { TrainingReport } from '../../training/report.js';
import { showProgress } from '../progress/progress.js';
import { trainingStep } from '../progress/training-step.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT, printJson, printLine, reportFailure } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { TaskOptions } from '../support/state-options.js';

export interface TrainOptions extends TaskOptions {
  json?: boolean;
}

function printReport(report: TrainingReport, options: TrainOptions): number {
  const { outcome, error } = report;
  if (error && outcome === 'failed') return reportFailure(deserialiseError(error), options);
  if (options.json) printJson(report);
  else printForPeople(report);
  return {
    promoted: EXIT.ok,
    refused: EXIT.refused,
    cancelled: EXIT.interrupted,
    failed: EXIT.failed,
  }[outcome];
}

function printForPeople({ outcome, verdict, result }: TrainingReport): void {
  printLine(`${outcome}: ${verdict.text}`);
  if (!result) return;
  if (result.caution) printLine(`${result.caution}.`);
  for (const { text } of result.effect.messages) printLine(`  ${text}`);
  const holdout = result.holdout
    ? `macro-F1 ${result.holdout.macroF1.toFixed(3)}, accuracy ${result.holdout.accuracy.toFixed(3)} on ${result.holdout.samples} holdout samples`
    : 'no holdout samples yet';
  printLine(`head ${result.version} (${result.learner}): ${holdout}`);
  printLine(`trust: ${result.trust.level}${boundText(result.trust)}. ${result.trust.next}`);
  for (const { label, training, holdout, missing } of result.classes) {
    if (missing === 0) continue;
    const held = holdout > 0 ? `, ${holdout} held out` : '';
    printLine(`  left out: ${label} (${training} training samples${held}; needs ${missing} more)`);
  }
  for (const { id, code, message } of result.skipped) {
    printLine(`  skipped ${id}: ${code}: ${message}`);
  }
  printLine(`the figures: headland models why ${result.version}`);
}

/** What is certain after few answers, which sounds less than the figures above. */
function boundText({ lowerBound, answers, groups }: Trust): string {
  if (lowerBound === null) return '';
  const least = Math.floor(100 * lowerBound);
  return ` (with 95 % confidence, ${least} % or more of each class are right: ${answers} answers of ${groups} groups)`;
}

/**
 * Trains in this process, and prints the report. It heeds who holds the robot as a training of the daemon
 * does: it does not begin, pauses, and waits with the new head.
 */
export async function trainHere(options: TrainOptions): Promise<void> {
  const config = resolveConfig(options);
  const log = commandLog();
  const state = openState(config, log);
  const task = state.task(options.task);
  await fetchBackbone(config, log);
  const progress = showProgress();
  progress.begin('starting the training');
  const lock = new DoNotDisturb(state.holds);
  const end = new AbortController();
  const report = await new Promise<TrainingReport>((resolve, reject) => {
    const service = new TrainingService({
      state,
      task,
      obstacle: () => lock.obstacle(),
      events: {
        onProgress: (step) => progress.show(trainingStep(step)),
        onReport: resolve,
        promote: async (version) => {
          await lock.released(end.signal);
          return task.heads.promote(version, undefined, 'training');
        },
      },
      log,
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        end.abort();
        void service.stop();
      });
    }
    void lock.follow(end.signal, (isHeld) => service.pause(isHeld ? 'held' : null));
    localOperations(state, log, () => service)
      .retrain({ source: 'cli' }, task.name)
      .catch(reject);
  }).finally(() => end.abort());
  progress.stop();
  state.close();
  process.exitCode = printReport(report, options);
}
