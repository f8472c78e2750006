import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { HoldReason } from '../../base/words/hold-reason.js';
import type { InstanceLock } from '../../host/instance-lock.js';
import { patiently } from '../../storage/store-patience.js';
import type { FleetTraining, TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport, TrainingTrigger } from '../../training/report.js';
import { parseReport, type StoredReport } from '../../training/stored-report.js';
import { Trainer } from '../../training/trainer.js';
import { TrainingTriggers } from '../../training/triggers.js';
import { AuditTrail } from '../audit-trail.js';
import { acquireStateLock } from '../lifetime/state-lock.js';
import type { State, TaskState } from '../open-state.js';
import { addedCardsDir } from '../seeing/perception-settings.js';

const REVISION_KEY = 'training.revision';

export interface TrainingServiceEvents {
  onProgress(progress: TrainingProgress, trainingId: string): void;
  onReport(report: TrainingReport): void;
  /** Makes a head serve, see {@link Trainer}; absent: no head serves in this process. */
  promote?(version: number): Promise<unknown>;
}

export interface TrainingParts {
  state: Pick<State, 'databasePath' | 'audit' | 'reports'>;
  task: TaskState;
  /** Why no training may start now; null: one may start. */
  obstacle: () => HeadlandError | null;
  events: TrainingServiceEvents;
  log: Log;
  /** Labels of the trained head that serves; null: none does. Default: none. */
  knownLabels?: () => readonly string[] | null;
  /** Whether another task of this process trains; default: none does. */
  othersTrain?: () => boolean;
  /**
   * The head of the fleet that serves, in which own samples are blended by each training; null: none.
   * Default: none.
   */
  fleet?: () => FleetTraining | null;
  /** The cache that holds the backbone; default: that of the configuration. */
  cacheDir?: () => string;
}

/**
 * Runs the trainings of one task on triggers and on request, one at a time across all tasks and
 * processes.
 */
export class TrainingService {
  readonly #trainer: Trainer;
  readonly #triggers: TrainingTriggers;
  readonly #audit: AuditTrail;
  #lock: InstanceLock | null = null;
  #starting: Promise<string> | null = null;
  /** Settles when the end of the last training has been processed. */
  #ending: Promise<void> = Promise.resolve();
  #stopped = false;

  readonly #parts: TrainingParts;

  constructor(parts: TrainingParts) {
    this.#parts = parts;
    const { state, task, obstacle, events, log } = parts;
    const { settings, samples, meta } = task;
    this.#audit = new AuditTrail(state.audit, log);
    this.#trainer = new Trainer({
      task: task.name,
      dbPath: state.databasePath,
      get cacheDir() {
        return parts.cacheDir?.() ?? settings.paths.cacheDir;
      },
      addedCardsDir: addedCardsDir(settings),
      registry: task.heads,
      settings,
      log,
      onProgress: (progress, trainingId) => events.onProgress(progress, trainingId),
      onOutcome: (report) => {
        this.#ending = this.#ended(report);
      },
      ...(events.promote ? { promote: events.promote } : {}),
    });
    this.#triggers = new TrainingTriggers({
      settings: settings.training,
      memory: {
        get: () => {
          const text = meta.get(REVISION_KEY);
          return text === null ? null : Number(text);
        },
        set: (revision) => meta.set(REVISION_KEY, String(revision)),
      },
      labelRevision: () => samples.labelRevision(),
      labelCountSince: (revision) => samples.labelCountSince(revision),
      labels: () => samples.labels(),
      trainingCount: (label) => samples.trainingCount(label),
      labelledCount: () => samples.labelledCount(),
      knownLabels: () => parts.knownLabels?.() ?? null,
      isPaused: () => obstacle() !== null,
      isTraining: () => this.isBusy,
      othersTrain: () => parts.othersTrain?.() ?? false,
      start: (trigger) => {
        this.start(trigger).catch((error) =>
          log.warn({ trigger, err: messageOf(error) }, 'cannot start the training'),
        );
      },
      log,
    });
  }

  /** A training of this task runs or starts. */
  get isBusy(): boolean {
    return this.running !== null || this.#starting !== null;
  }

  /** Starts the triggers by labels and by time. @throws HeadlandError HL_TRAINING_CRON_INVALID */
  listen(): void {
    this.#triggers.start();
  }

  /**
   * Starts a training and resolves with its id without waiting for its end.
   * @throws HeadlandError HL_TRAINING_RUNNING, HL_TRAINING_PAUSED, HL_BOARD_TOO_HOT, HL_STORE_…,
   *   HL_TRAINING_CANCELLED after {@link stop}
   * @param fleet default: the head of the fleet that serves
   */
  async start(
    trigger: TrainingTrigger,
    fleet: FleetTraining | null = this.#parts.fleet?.() ?? null,
  ): Promise<string> {
    const obstacle = this.#parts.obstacle();
    if (obstacle) throw obstacle;
    if (this.#stopped) throw stopping();
    if (this.isBusy) throw alreadyTraining();
    this.#starting = this.#begin(trigger, fleet);
    try {
      return await this.#starting;
    } finally {
      this.#starting = null;
    }
  }

  async #begin(trigger: TrainingTrigger, fleet: FleetTraining | null): Promise<string> {
    const lock = await acquireStateLock(this.#parts.task.settings.paths.stateDir, 'train').catch(
      (error) => {
        throw isHeadlandError(error, 'HL_ALREADY_RUNNING') ? alreadyTraining() : error;
      },
    );
    try {
      this.#triggers.trainingStarted();
      const { trainingId } = this.#trainer.start({ trigger, fleet });
      this.#lock = lock;
      return trainingId;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** See {@link Trainer.pause}. */
  pause(reason: HoldReason | null): void {
    this.#trainer.pause(reason);
  }

  /** Call it after every label, after `resume` and when an obstacle is gone. */
  onLabel(): void {
    this.#triggers.labelsChanged();
  }

  /** See {@link TrainingTriggers.headLost}. @throws HeadlandError HL_STORE_… */
  headLost(learntRevision: number): void {
    this.#triggers.headLost(learntRevision);
  }

  /** Cancels a running or starting training; its report is stored when this resolves. Never throws. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#triggers.stop();
    await this.#starting?.catch(() => undefined);
    await this.#trainer.cancel();
    await this.#ending;
  }

  get running(): ReturnType<Trainer['running']> {
    return this.#trainer.running();
  }

  /** Label revision up to which the last training has learnt; 0 before the first. */
  get learntRevision(): number {
    return this.#triggers.learntRevision;
  }

  get newLabels(): number {
    return this.#triggers.newLabels();
  }

  /** The newest reports of this task from all processes, newest first. @throws HeadlandError HL_STORE_… */
  reports(limit: number): StoredReport[] {
    const { state, task } = this.#parts;
    return state.reports.list(task.name, limit).flatMap((report) => parseReport(report) ?? []);
  }

  async #ended(report: TrainingReport): Promise<void> {
    await this.#lock?.release();
    this.#lock = null;
    await this.#keep(report);
    this.#audit.trained(report);
    // A failure has raised the alarm of the disk.
    await this.#audit.settled().catch(() => undefined);
    // A training cancelled by stop() must be due again at the next start.
    if (!this.#stopped) this.#count(report);
    this.#parts.events.onReport(report);
    // Last: the trainings of other tasks start in onReport, and would otherwise wait for ever.
    if (!this.#stopped) this.#startIfDue(report);
  }

  /**
   * Marks the labels as learnt. Runs before the report is published, so that no later status counts
   * them as new. A failure to store this costs at worst an additional training.
   */
  #count({ trainingId }: TrainingReport): void {
    try {
      this.#triggers.trainingEnded();
    } catch (error) {
      this.#parts.log.error(
        { trainingId, err: messageOf(error) },
        'cannot store which labels were learnt',
      );
    }
  }

  /** Labels may have come during the training. */
  #startIfDue({ trainingId }: TrainingReport): void {
    try {
      this.#triggers.labelsChanged();
    } catch (error) {
      this.#parts.log.error(
        { trainingId, err: messageOf(error) },
        'cannot read which labels came during the training',
      );
    }
  }

  /** Stores the report; a failure does not affect the training. */
  async #keep(report: TrainingReport): Promise<void> {
    const { state, log } = this.#parts;
    const { trainingId, task, outcome, reason, finishedAt, result } = report;
    const headVersion = result?.version ?? null;
    try {
      const summary = { trainingId, task, outcome, reason, finishedAt, headVersion };
      await patiently(() => state.reports.append(summary, report));
    } catch (error) {
      log.error({ trainingId, err: messageOf(error) }, 'cannot store the training report');
    }
  }
}

/** The obstacle while training is paused. */
export function trainingPaused(): HeadlandError {
  return new HeadlandError('HL_TRAINING_PAUSED', 'training is paused', {
    remedy: 'Resume training on the page, or send the command `resume` with {"what":"training"}.',
  });
}

function stopping(): HeadlandError {
  return new HeadlandError('HL_TRAINING_CANCELLED', 'headland is stopping: no training can start', {
    remedy: 'Start headland again, then train again.',
  });
}

function alreadyTraining(): HeadlandError {
  return new HeadlandError('HL_TRAINING_RUNNING', 'another training is running', {
    remedy: 'Wait for its report, then try again.',
  });
}
