import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { deserialiseError, HeadlandError, messageOf, serialiseError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { dateOf } from '../base/moment.js';
import type { HoldReason } from '../base/words/hold-reason.js';
import type { Message } from '../base/words/message.js';
import type { HeadRegistry } from '../registry/registry.js';
import { type JobEnd, type JobHandle, type JobOptions, startJob } from './job/job-process.js';
import type { FleetTraining, TrainerSettings, TrainingProgress } from './job/job-protocol.js';
import type { JobResult, TrainingOutcome, TrainingReport, TrainingTrigger } from './report.js';

export interface TrainerOptions {
  /** Name of the task whose heads are trained. */
  task: string;
  dbPath: string;
  /** Where the backbone is; read at each start. */
  cacheDir: string;
  /** Folder of added backbones. */
  addedCardsDir?: string;
  /** The registry with which the daemon switches heads. */
  registry: HeadRegistry;
  settings: TrainerSettings;
  log: Log;
  /** The program that trains; only tests use another one. */
  jobPath?: string;
  /** Starts the job; default: in its own process. */
  startJob?: (options: JobOptions) => Promise<JobHandle>;
  onProgress?: (progress: TrainingProgress, trainingId: string) => void;
  /** Called once for every training that started, whatever the outcome. */
  onOutcome?: (report: TrainingReport) => void;
  /**
   * Makes a head serve. When it throws, the old head stays and the training has failed. Default:
   * only the pointer of the registry moves, for a process without a serving head.
   */
  promote?: (version: number) => Promise<unknown>;
}

export interface StartedTraining {
  trainingId: string;
  /** Never rejects: the report contains the error. */
  finished: Promise<TrainingReport>;
}

export interface RunningTraining {
  trainingId: string;
  trigger: TrainingTrigger;
  startedAt: Date;
  /** Null before the first report. */
  progress: TrainingProgress | null;
  /** Why it is paused; null: it runs. */
  paused: HoldReason | null;
  /** Process id of the job; null while it starts. */
  pid: number | null;
}

interface Run {
  trainingId: string;
  trigger: TrainingTrigger;
  fleet: FleetTraining | null;
  /** By `performance.now()`. */
  startedMs: number;
  job: JobHandle | null;
  cancelled: boolean;
  progress: TrainingProgress | null;
  finished: Promise<TrainingReport>;
}

type Ending = Pick<TrainingReport, 'outcome' | 'verdict' | 'reason' | 'error' | 'result'>;

/**
 * Runs one training at a time in its own process, so that a crash, a kill or a lack of memory there
 * never affects the serving head. The job trains, judges and publishes. Only this class, in the
 * serving process, promotes.
 */
export class Trainer {
  readonly #options: TrainerOptions;
  #run: Run | null = null;
  #pause: HoldReason | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  /** The training in work; null: none. */
  running(): RunningTraining | null {
    if (!this.#run) return null;
    const { trainingId, trigger, startedMs, progress, job } = this.#run;
    const startedAt = new Date(dateOf(startedMs));
    const pid = job?.pid ?? null;
    return { trainingId, trigger, startedAt, progress, paused: this.#pause, pid };
  }

  /**
   * Starts a training and returns at once.
   *
   * @throws HeadlandError HL_TRAINING_RUNNING
   */
  start(options: { trigger: TrainingTrigger; fleet?: FleetTraining | null }): StartedTraining {
    if (this.#run) {
      throw new HeadlandError(
        'HL_TRAINING_RUNNING',
        `training ${this.#run.trainingId} is still running`,
        {
          remedy: 'Wait for its report, then try again.',
          details: { trainingId: this.#run.trainingId },
        },
      );
    }
    const run: Run = {
      trainingId: randomUUID(),
      trigger: options.trigger,
      fleet: options.fleet ?? null,
      startedMs: performance.now(),
      job: null,
      cancelled: false,
      progress: null,
      finished: Promise.resolve(null as never),
    };
    this.#run = run;
    run.finished = this.#execute(run);
    return { trainingId: run.trainingId, finished: run.finished };
  }

  /**
   * Pauses the training in work, or lets it go on; one that starts meanwhile pauses at once.
   * @param reason null: it goes on
   */
  pause(reason: HoldReason | null): void {
    const before = this.#pause;
    this.#pause = reason;
    const run = this.#run;
    if (!run?.job || before === reason) return;
    if (reason === null) run.job.resume();
    else if (before === null) run.job.pause();
    if (run.progress) this.#progressed(run, { ...run.progress, paused: reason });
  }

  /** Ends the training in work; resolves with its report, or null when there was none. */
  async cancel(): Promise<TrainingReport | null> {
    const run = this.#run;
    if (!run) return null;
    run.cancelled = true;
    run.job?.stop();
    return run.finished;
  }

  async #execute(run: Run): Promise<TrainingReport> {
    this.#options.log.info({ trainingId: run.trainingId, trigger: run.trigger }, 'training starts');
    let ending: Ending;
    try {
      ending = await this.#settle(run, await this.#work(run));
    } catch (error) {
      ending = failed(serialiseError(error), null);
    }
    const report: TrainingReport = {
      trainingId: run.trainingId,
      task: this.#options.task,
      trigger: run.trigger,
      ...ending,
      startedAt: new Date(dateOf(run.startedMs)).toISOString(),
      finishedAt: new Date().toISOString(),
      durationMs: Math.round(performance.now() - run.startedMs),
    };
    await this.#tidy(report);
    this.#run = null;
    try {
      this.#options.onOutcome?.(report);
    } catch (error) {
      this.#options.log.error({ err: messageOf(error) }, 'the training could not be reported');
    }
    return report;
  }

  async #work(run: Run): Promise<JobEnd> {
    const { task, settings, dbPath, cacheDir, addedCardsDir, registry, jobPath } = this.#options;
    const { models, inference, samples, augmentation, training, gate, heads } = settings;
    const job = await (this.#options.startJob ?? startJob)({
      path: jobPath ?? fileURLToPath(new URL('./job/training-job.js', import.meta.url)),
      nice: training.nice,
      maxOldSpaceMegabytes: training.maxOldSpaceMegabytes,
      maxDurationMs: training.maxDurationMs,
      settings: {
        models,
        inference,
        samples,
        augmentation,
        training,
        gate,
        heads,
        dbPath,
        cacheDir,
        registryDir: registry.dir,
        ...(addedCardsDir ? { addedCardsDir } : {}),
        trainingId: run.trainingId,
        task,
        trigger: run.trigger,
        ...(run.fleet ? { fleet: run.fleet } : {}),
      },
      onWarning: (fields, message) =>
        this.#options.log.warn({ trainingId: run.trainingId, ...fields }, message),
      onProgress: (step) => this.#progressed(run, { ...step, paused: this.#pause }),
    });
    run.job = job;
    if (this.#pause !== null) job.pause();
    // The training may have been cancelled while the process was starting.
    if (run.cancelled) job.stop();
    return job.ended;
  }

  #progressed(run: Run, progress: TrainingProgress): void {
    run.progress = progress;
    this.#options.onProgress?.(progress, run.trainingId);
  }

  async #settle(run: Run, end: JobEnd): Promise<Ending> {
    if (run.cancelled) {
      const reason = 'stopped before its end; the features embedded so far are kept';
      return {
        outcome: 'cancelled',
        verdict: { key: 'verdict.cancelled', values: { reason }, text: `Cancelled: ${reason}.` },
        reason,
        error: null,
        result: null,
      };
    }
    if (end.error) return failed(end.error, null);
    const { result } = end;
    const { decision, caution, verdict } = result;
    const reason = caution ? `${decision.reason}. ${caution}` : decision.reason;
    if (!decision.promote) return judged('refused', verdict, reason, result);
    const { registry } = this.#options;
    const current = await registry.current();
    if (current !== result.championVersion) {
      const now = current === null ? 'no head serves' : `head ${current} serves`;
      const stale = `it was compared with a head that no longer serves: ${now}`;
      return judged('refused', staleVerdict(current), stale, result);
    }
    const pinned = await registry.pinned();
    if (pinned !== null) {
      const held = `would have been promoted; pinned to ${pinned}. ${reason}`;
      return judged('refused', pinnedVerdict(pinned, verdict), held, result);
    }
    try {
      await this.#promote(result.version);
    } catch (error) {
      return failed(serialiseError(error), result);
    }
    return judged('promoted', verdict, reason, result);
  }

  async #promote(version: number): Promise<void> {
    const { registry, promote } = this.#options;
    await (promote ? promote(version) : registry.promote(version, undefined, 'training'));
  }

  /** A registry that cannot be pruned does not undo a training. */
  async #tidy(report: TrainingReport): Promise<void> {
    const { registry, log } = this.#options;
    const { trainingId, outcome, reason, durationMs, result } = report;
    log.info({ trainingId, outcome, reason, durationMs, head: result?.version }, 'training ended');
    try {
      await registry.prune();
    } catch (error) {
      log.warn({ trainingId, err: messageOf(error) }, 'cannot remove old heads');
    }
  }
}

function failed(error: Ending['error'] & object, result: JobResult | null): Ending {
  const { code, message } = deserialiseError(error);
  const verdict = { key: 'verdict.failed', values: { code, message }, text: `Failed: ${message}` };
  return { outcome: 'failed', verdict, reason: message, error, result };
}

function judged(
  outcome: TrainingOutcome,
  verdict: Message,
  reason: string,
  result: JobResult,
): Ending {
  return { outcome, verdict, reason, error: null, result };
}

function staleVerdict(current: number | null): Message {
  const text = 'Refused: another head began to serve during the training.';
  return { key: 'verdict.stale', values: current === null ? {} : { version: current }, text };
}

function pinnedVerdict(pinned: number, { values, text }: Message): Message {
  return {
    key: 'verdict.pinned',
    values: { ...values, pinned },
    text: `Would have been promoted; pinned to ${pinned}. ${text}`,
  };
}
