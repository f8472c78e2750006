import type { AlarmSwitch } from '../base/alarms.js';
import type { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Repeats } from '../base/timers/scheduler.js';
import type { Frame } from '../camera/camera.js';
import type { ShadowTrial } from '../gate/shadow.js';
import type { Perception } from '../perception/perception.js';
import type { TaskAnswer } from '../perception/perception-protocol.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { PlaceGroups } from '../samples/grouping/place-groups.js';
import { LookAlikes } from '../samples/look-alikes.js';
import { InstantLearner } from '../training/instant/instant-learner.js';
import type { FleetTraining, TrainingProgress } from '../training/job/job-protocol.js';
import type { TrainingReport } from '../training/report.js';
import type { AuditTrail } from './audit-trail.js';
import { AnswerBook } from './brain/answer-book.js';
import { HeadDamage } from './learning/head-damage.js';
import { HeadService } from './learning/head-service.js';
import { InstantService } from './learning/instant-service.js';
import { Labelling } from './learning/labelling.js';
import { ShadowService } from './learning/shadow-service.js';
import { TrainingService } from './learning/training-service.js';
import type { State, TaskState } from './open-state.js';
import { failureMessage, trialMessage, unusableMessage } from './reporting/agent-messages.js';
import type { TelemetryService } from './reporting/telemetry-service.js';
import { Asking } from './seeing/asking.js';
import type { RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import { LabelQueue } from './teaching/label-queue.js';

export interface RobotTaskParts {
  state: State;
  task: TaskState;
  perception: Pick<Perception<Frame>, 'backbone' | 'serving' | 'swapHead'>;
  recent: RecentFrames;
  telemetry: TelemetryService;
  alarms: AlarmSwitch;
  repeats: Repeats;
  audit: AuditTrail;
  /** Why no training may start now; null: one may start. */
  obstacle: () => HeadlandError | null;
  /** A program holds the robot: the serving head stays. */
  isHeld: () => boolean;
  /** The head of the fleet that serves, for trainings; null: none does. */
  fleet: () => FleetTraining | null;
  /** Resolves when nobody holds the robot. @throws HeadlandError HL_ROBOT_HELD when the robot ends */
  undisturbed: () => Promise<void>;
  /** Learning from labels is paused. */
  isPaused: () => boolean;
  /** Whether another task trains. */
  othersTrain: () => boolean;
  /** The cache that holds the backbone. */
  cacheDir: () => string;
  /** Groups frames by place; null: by time alone. */
  places: PlaceGroups | null;
  log: Log;
  events: {
    onServing(stored: StoredHead | null): void;
    /** The serving head was pinned; null: it is no longer. */
    onPinned(version: number | null): void;
    /** The instant learner has changed the serving head. */
    onLearnt(): void;
    onProgress(progress: TrainingProgress): void;
    onReport(report: TrainingReport): void;
  };
}

/** One task of a running robot: its labels, its heads and everything that learns from its labels. */
export class RobotTask {
  readonly labelling: Labelling;
  readonly heads: HeadService;
  readonly training: TrainingService;
  readonly instant: InstantService;
  /** What its heads answered to its samples. */
  readonly answers: AnswerBook;
  readonly queue: LabelQueue;
  readonly #shadow: ShadowService;
  readonly #damage: HeadDamage;
  #listens = false;
  readonly #asking: Asking;
  /** The last label revision passed on to everything that learns from labels. */
  #labelRevision = 0;

  constructor(private readonly parts: RobotTaskParts) {
    const { state, task, perception, recent, telemetry, alarms, audit, log, events } = parts;
    const { name, settings, samples } = task;
    const backboneChecksum = (): string | null => perception.backbone?.checksum ?? null;
    const { groupWindowMs } = settings.samples;
    const alikes = new LookAlikes(samples, { groupWindowMs, backboneChecksum });
    this.labelling = new Labelling(samples, recent, alikes, parts.places);
    this.instant = new InstantService({
      learner: new InstantLearner({
        dbPath: state.databasePath,
        task: name,
        minLabelsPerClass: settings.training.minLabelsPerClass,
      }),
      samples,
      meta: task.meta,
      repeats: parts.repeats,
      log,
      backboneChecksum,
      swap: async (serving) => {
        await parts.undisturbed();
        await perception.swapHead(name, serving);
      },
      isPaused: () => !settings.training.instant || parts.isPaused() || parts.isHeld(),
      onLearnt: () => events.onLearnt(),
      onFailure: (error) => telemetry.learningFailed(failureMessage(error)),
    });
    this.heads = new HeadService(
      task.heads,
      (serving) => this.instant.hold(() => perception.swapHead(name, serving)),
      backboneChecksum,
      {
        onServing: (stored, lost) => {
          this.#damage.serving(stored, lost);
          audit.serving(name, stored);
          this.instant.baseChanged(stored);
          events.onServing(stored);
        },
        onPinned: (version) => events.onPinned(version),
        onUnusable: (version, error, instead) => {
          const message = unusableMessage(name, version, error, instead);
          log.error({ code: error.code, version, instead }, message.message);
          telemetry.event(message);
        },
      },
      log,
      parts.repeats,
      () => samples.classGeneration(),
      parts.isHeld,
    );
    this.answers = new AnswerBook({
      heads: task.heads,
      samples,
      maxErrorShare: settings.inference.maxErrorShare,
      log,
    });
    this.training = new TrainingService({
      state,
      task,
      obstacle: parts.obstacle,
      events: {
        onProgress: (progress, trainingId) => {
          telemetry.trainingProgress(progress, name, trainingId);
          events.onProgress(progress);
        },
        onReport: (report) => {
          this.#damage.trained(report, this.heads.serving?.card.version ?? null);
          telemetry.trainingReport(report);
          events.onReport(report);
        },
        promote: async (version) => {
          await parts.undisturbed();
          return this.heads.promote(version, 'training');
        },
      },
      log,
      knownLabels: () => this.heads.serving?.head.labels ?? null,
      othersTrain: parts.othersTrain,
      fleet: parts.fleet,
      cacheDir: parts.cacheDir,
    });
    this.#damage = new HeadDamage({
      task: name,
      meta: task.meta,
      alarms,
      retrain: (learntRevision) => this.#retrain(learntRevision),
      log,
    });
    this.#shadow = new ShadowService({
      registry: task.heads,
      samples,
      heads: this.heads,
      settings: settings.gate,
      isHeld: parts.isHeld,
      repeats: parts.repeats,
      log,
      onSwitched: (trial) => {
        audit.tried(name, trial);
        telemetry.event(trialMessage(name, trial));
      },
    });
    this.queue = new LabelQueue({
      task: name,
      perception,
      samples,
      inference: settings.inference,
      log,
    });
    this.#asking = new Asking({
      settings: { ...settings.samples, ...settings.inference },
      labelling: this.labelling,
      samples,
      telemetry,
      alarms,
      log,
    });
  }

  get name(): string {
    return this.parts.task.name;
  }

  get state(): TaskState {
    return this.parts.task;
  }

  /** The cache that holds the backbone. */
  get cacheDir(): string {
    return this.parts.cacheDir();
  }

  /** Why no training may start now; null: one may start. */
  get obstacle(): HeadlandError | null {
    return this.parts.obstacle();
  }

  /** The trial of the serving head; null: it has none. */
  get trial(): ShadowTrial | null {
    return this.#shadow.trial;
  }

  get log(): Log {
    return this.parts.log;
  }

  /**
   * Starts what learns from labels; call it after the start of {@link heads}.
   * @throws HeadlandError HL_TRAINING_CRON_INVALID
   */
  listen(): void {
    this.instant.start();
    this.#shadow.start();
    this.#labelRevision = this.state.samples.labelRevision();
    this.training.listen();
    this.#listens = true;
  }

  /** Learns the labels of a lost head again; {@link listen} starts that when the robot starts. */
  #retrain(learntRevision: number): void {
    this.training.headLost(learntRevision);
    if (this.#listens) this.training.onLabel();
  }

  /** Stops switching heads and learning from single labels; a training goes on. */
  async stopLearning(): Promise<void> {
    this.queue.stop();
    await this.heads.stop();
    await this.#shadow.stop();
    await this.instant.stop();
  }

  /**
   * Stores a doubtful frame and requests its label.
   * @returns the id of its sample; null when no label is requested
   */
  consider(recent: RecentFrame, answer: TaskAnswer): string | null {
    return this.#asking.consider(recent, answer);
  }

  /**
   * Stores a frame that an alert asks for, and requests its label.
   * @returns the id of its sample; null when none is stored now
   */
  keep(recent: RecentFrame, answer: TaskAnswer): string | null {
    const sampleId = this.#asking.keep(recent, answer);
    if (sampleId !== null) this.queue.request(sampleId);
    return sampleId;
  }

  /** Notifies everything that learns from labels. @throws HeadlandError HL_STORE_… */
  labelsChanged(): void {
    this.#labelRevision = this.state.samples.labelRevision();
    this.instant.labelsChanged();
    this.training.onLabel();
  }

  /** Whether labels of other processes have come since the last {@link labelsChanged}. */
  get hasNewLabels(): boolean {
    return this.state.samples.labelRevision() !== this.#labelRevision;
  }
}
