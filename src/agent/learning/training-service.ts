import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import { acquireInstanceLock, type InstanceLock } from '../../host/instance-lock.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport, TrainingTrigger } from '../../training/report.js';
import { parseReport, type StoredReport } from '../../training/stored-report.js';
import { Trainer } from '../../training/trainer.js';
import { TrainingTriggers } from '../../training/triggers.js';
import { AuditTrail } from '../audit-trail.js';
import { addedCardsDir, type State } from '../open-state.js';

const REVISION_KEY = 'training.revision';

export interface TrainingServiceEvents {
  onProgress(progress: TrainingProgress, trainingId: string): void;
  onReport(report: TrainingReport): void;
  /** Lets a head serve, see {@link Trainer}; absent: nothing serves in this process. */
  promote?(version: number): Promise<unknown>;
}

/** Trains when it is time or when asked, one training at a time over all processes. */
export class TrainingService {
  readonly #trainer: Trainer;
  readonly #triggers: TrainingTriggers;
  readonly #audit: AuditTrail;
  #lock: InstanceLock | null = null;
  #starting: Promise<string> | null = null;
  /** What follows the end of the last training. */
  #ending: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly config: Config,
    private readonly state: State,
    /** Why no training may start now; null: one may. */
    private readonly obstacle: () => HeadlandError | null,
    private readonly events: TrainingServiceEvents,
    private readonly log: Log,
    /** What the trained head that serves can answer; null: none does. */
    knownLabels: () => readonly string[] | null = () => null,
    /** Where the backbone is. */
    cacheDir: () => string = () => config.paths.cacheDir,
  ) {
    this.#audit = new AuditTrail(state.audit, log);
    this.#trainer = new Trainer({
      dbPath: state.databasePath,
      get cacheDir() {
        return cacheDir();
      },
      addedCardsDir: addedCardsDir(config),
      registry: state.heads,
      settings: config,
      log,
      onProgress: (progress, trainingId) => events.onProgress(progress, trainingId),
      onOutcome: (report) => {
        this.#ending = this.#ended(report);
      },
      ...(events.promote ? { promote: events.promote } : {}),
    });
    this.#triggers = new TrainingTriggers({
      settings: config.training,
      memory: {
        get: () => {
          const text = state.meta.get(REVISION_KEY);
          return text === null ? null : Number(text);
        },
        set: (revision) => state.meta.set(REVISION_KEY, String(revision)),
      },
      labelRevision: () => state.samples.labelRevision(),
      labels: () => state.samples.counts().labelled,
      classes: () => state.samples.counts().classes,
      knownLabels,
      isPaused: () => obstacle() !== null,
      isTraining: () => this.running !== null || this.#starting !== null,
      start: (trigger) => {
        this.start(trigger).catch((error) =>
          log.warn({ trigger, err: messageOf(error) }, 'the training did not start'),
        );
      },
      log,
    });
  }

  /** Begins to listen to labels and the clock. @throws HeadlandError HL_TRAINING_CRON_INVALID */
  listen(): void {
    this.#triggers.start();
  }

  /**
   * Starts a training and returns its id at once.
   * @throws HeadlandError HL_TRAINING_RUNNING, HL_TRAINING_PAUSED, HL_BOARD_TOO_HOT, HL_STORE_…,
   *   HL_TRAINING_CANCELLED after {@link stop}
   */
  async start(trigger: TrainingTrigger): Promise<string> {
    const obstacle = this.obstacle();
    if (obstacle) throw obstacle;
    if (this.#stopped) throw stopping();
    if (this.running || this.#starting) throw alreadyTraining();
    this.#starting = this.#begin(trigger);
    try {
      return await this.#starting;
    } finally {
      this.#starting = null;
    }
  }

  async #begin(trigger: TrainingTrigger): Promise<string> {
    const lock = await acquireInstanceLock(this.config.paths.stateDir, 'train').catch((error) => {
      throw isHeadlandError(error, 'HL_ALREADY_RUNNING') ? alreadyTraining() : error;
    });
    try {
      this.#triggers.trainingStarted();
      const { trainingId } = this.#trainer.start({ trigger });
      this.#lock = lock;
      return trainingId;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** To be called after every label, after `resume` and when an obstacle is gone. */
  onLabel(): void {
    this.#triggers.labelsChanged();
  }

  /** Cancels what runs or is about to; its report is kept when this resolves. Never throws. */
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

  get newLabels(): number {
    return this.#triggers.newLabels();
  }

  /** Newest first, at most `limit`, of whatever process trained. @throws HeadlandError HL_STORE_… */
  reports(limit: number): StoredReport[] {
    return this.state.reports.list(limit).flatMap((report) => parseReport(report) ?? []);
  }

  async #ended(report: TrainingReport): Promise<void> {
    await this.#lock?.release();
    this.#lock = null;
    this.#keep(report);
    this.#audit.trained(report);
    // A training that the stop cancelled is due again at the next start.
    if (!this.#stopped) this.#count(report);
    this.events.onReport(report);
  }

  /**
   * Before anybody is told, so that no status beside the report counts its labels as new. What cannot
   * be written down costs a training more at worst.
   */
  #count({ trainingId }: TrainingReport): void {
    try {
      this.#triggers.trainingEnded();
    } catch (error) {
      this.log.error({ trainingId, err: messageOf(error) }, 'cannot keep which labels were learnt');
    }
  }

  /** A report that cannot be kept undoes no training. */
  #keep(report: TrainingReport): void {
    const { trainingId, outcome, reason, finishedAt, result } = report;
    const headVersion = result?.version ?? null;
    try {
      this.state.reports.append({ trainingId, outcome, reason, finishedAt, headVersion }, report);
    } catch (error) {
      this.log.error({ trainingId, err: messageOf(error) }, 'cannot keep the training report');
    }
  }
}

/** The obstacle while a person has paused trainings. */
export function trainingPaused(): HeadlandError {
  return new HeadlandError('HL_TRAINING_PAUSED', 'training is paused', {
    remedy: 'Resume training on the page, or send the command `resume` with {"what":"training"}.',
  });
}

function stopping(): HeadlandError {
  return new HeadlandError('HL_TRAINING_CANCELLED', 'headland stops: no training starts', {
    remedy: 'Start it again when it suits.',
  });
}

function alreadyTraining(): HeadlandError {
  return new HeadlandError('HL_TRAINING_RUNNING', 'another training is running', {
    remedy: 'Wait for its report, then try again.',
  });
}
