import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { deserialiseError, HeadlandError, messageOf, serialiseError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { dateOf } from '../base/moment.js';
import type { HeadRegistry } from '../registry/registry.js';
import { type JobEnd, type JobHandle, startJob } from './job/job-process.js';
import type { TrainerSettings, TrainingProgress } from './job/job-protocol.js';
import type { JobResult, TrainingOutcome, TrainingReport, TrainingTrigger } from './report.js';

export interface TrainerOptions {
  dbPath: string;
  /** Where the backbone is; read at each start. */
  cacheDir: string;
  /** Folder of added backbones. */
  addedCardsDir?: string;
  /** The one that the daemon switches heads with. */
  registry: HeadRegistry;
  settings: TrainerSettings;
  log: Log;
  /** The program that trains; only tests name another. */
  jobPath?: string;
  /** How the job is started; default: in a process of its own. */
  startJob?: typeof startJob;
  onProgress?: (progress: TrainingProgress, trainingId: string) => void;
  /** Called once for every training that started, however it ended. */
  onOutcome?: (report: TrainingReport) => void;
  /**
   * Lets a head serve; when it throws, the one before goes on and the training has failed. Default:
   * only the pointer of the registry moves, for a process in which no head is at work.
   */
  promote?: (version: number) => Promise<unknown>;
}

export interface StartedTraining {
  trainingId: string;
  /** Never rejects: what went wrong stands in the report. */
  finished: Promise<TrainingReport>;
}

export interface RunningTraining {
  trainingId: string;
  trigger: TrainingTrigger;
  startedAt: Date;
  /** Null before the first report. */
  progress: TrainingProgress | null;
  /** Of the job; null while it is being started. */
  pid: number | null;
}

interface Run {
  trainingId: string;
  trigger: TrainingTrigger;
  /** As `performance.now()` said it. */
  startedMs: number;
  job: JobHandle | null;
  cancelled: boolean;
  progress: TrainingProgress | null;
  finished: Promise<TrainingReport>;
}

type Ending = Pick<TrainingReport, 'outcome' | 'reason' | 'error' | 'result'>;

/**
 * Runs one training at a time in a process of its own: a crash, a kill, or the end of the memory
 * there never touches what serves. The job trains, judges and publishes; only this class, in the
 * process that serves, promotes.
 */
export class Trainer {
  readonly #options: TrainerOptions;
  #run: Run | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  /** What runs now; null: nothing. */
  running(): RunningTraining | null {
    if (!this.#run) return null;
    const { trainingId, trigger, startedMs, progress, job } = this.#run;
    const startedAt = new Date(dateOf(startedMs));
    return { trainingId, trigger, startedAt, progress, pid: job?.pid ?? null };
  }

  /**
   * Starts a training and returns at once.
   *
   * @throws HeadlandError HL_TRAINING_RUNNING
   */
  start(options: { trigger: TrainingTrigger }): StartedTraining {
    if (this.#run) {
      throw new HeadlandError(
        'HL_TRAINING_RUNNING',
        `training ${this.#run.trainingId} is still running`,
        {
          remedy: 'Wait for its report, or cancel it first.',
          details: { trainingId: this.#run.trainingId },
        },
      );
    }
    const run: Run = {
      trainingId: randomUUID(),
      trigger: options.trigger,
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

  /** Ends the running training; resolves with its report, or null when there was none. */
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
      this.#options.log.error({ err: messageOf(error) }, 'nobody could be told of the training');
    }
    return report;
  }

  async #work(run: Run): Promise<JobEnd> {
    const { settings, dbPath, cacheDir, addedCardsDir, registry, jobPath } = this.#options;
    const { models, inference, samples, augmentation, training, gate, heads } = settings;
    const job = await (this.#options.startJob ?? startJob)({
      path: jobPath ?? fileURLToPath(new URL('./job/training-job.js', import.meta.url)),
      nice: training.nice,
      maxOldSpaceMegabytes: training.maxOldSpaceMegabytes,
      maxDurationMs: training.maxDurationMs,
      settings: {
        ...{ models, inference, samples, augmentation, training, gate, heads },
        ...{ dbPath, cacheDir, registryDir: registry.dir },
        ...(addedCardsDir ? { addedCardsDir } : {}),
        ...{ trainingId: run.trainingId, trigger: run.trigger },
      },
      onWarning: (fields, message) =>
        this.#options.log.warn({ trainingId: run.trainingId, ...fields }, message),
      onProgress: (progress) => {
        run.progress = progress;
        this.#options.onProgress?.(progress, run.trainingId);
      },
    });
    run.job = job;
    // It may have been cancelled while the process was being started.
    if (run.cancelled) job.stop();
    return job.ended;
  }

  async #settle(run: Run, end: JobEnd): Promise<Ending> {
    if (run.cancelled) {
      return { outcome: 'cancelled', reason: 'cancelled', error: null, result: null };
    }
    if (end.error) return failed(end.error, null);
    const { result } = end;
    const { decision, caution } = result;
    const reason = caution ? `${decision.reason}. ${caution}` : decision.reason;
    if (!decision.promote) return judged('refused', reason, result);
    const { registry } = this.#options;
    const current = await registry.current();
    if (current !== result.championVersion) {
      const now = current === null ? 'no head serves' : `head ${current} serves`;
      return judged('refused', `it was compared with another head than serves now: ${now}`, result);
    }
    try {
      await this.#promote(result.version);
    } catch (error) {
      return failed(serialiseError(error), result);
    }
    return judged('promoted', reason, result);
  }

  async #promote(version: number): Promise<void> {
    const { registry, promote } = this.#options;
    await (promote ? promote(version) : registry.promote(version));
  }

  /** A registry that cannot be tidied undoes no training. */
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
  return { outcome: 'failed', reason: deserialiseError(error).message, error, result };
}

function judged(outcome: TrainingOutcome, reason: string, result: JobResult): Ending {
  return { outcome, reason, error: null, result };
}
