import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type HeadlandError, messageOf } from '../base/errors.js';
import { makeFolderSync } from '../base/make-folder.js';
import type { Frame } from '../camera/camera.js';
import type { Config } from '../config/schema.js';
import { SystemdNotifier } from '../host/notify.js';
import { Perception } from '../perception/perception.js';
import type { Perceived } from '../perception/perception-protocol.js';
import type { StoredHead } from '../registry/version-directory.js';
import { InstantLearner } from '../training/instant/instant-learner.js';
import { AuditTrail } from './audit-trail.js';
import { executeCommand } from './execute-command.js';
import { HeadService } from './learning/head-service.js';
import { InstantService } from './learning/instant-service.js';
import { Labelling } from './learning/labelling.js';
import { ShadowService } from './learning/shadow-service.js';
import { TrainingService, trainingPaused } from './learning/training-service.js';
import { openState, type State } from './open-state.js';
import { Operations } from './operations.js';
import { Pausing } from './pausing.js';
import { Alerting } from './reporting/alerting.js';
import {
  failureMessage,
  modelMessage,
  predictionMessage,
  rateLimitMessage,
  trialMessage,
  unusableMessage,
} from './reporting/messages.js';
import { type RunningConsole, startConsole } from './reporting/start-console.js';
import { infoMessage, metricsMessage, statusAnswer, statusLine } from './reporting/survey.js';
import { TelemetryService } from './reporting/telemetry-service.js';
import { Asking } from './seeing/asking.js';
import { CameraReports } from './seeing/camera-reports.js';
import { FrameStatistics } from './seeing/frame-statistics.js';
import { makeCameras } from './seeing/make-cameras.js';
import { type RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import { perceptionSettings, startPerception } from './seeing/start-perception.js';
import { Sparing } from './sparing.js';
import { agentStatus, modelStatus } from './status.js';
import type { AgentEvents, AgentOptions, AgentView, RunningCamera } from './view.js';
import { Watchdog } from './watchdog.js';

/** A frame that takes longer than this hangs; systemd then starts the daemon again. */
const STUCK_FRAME_MS = 20_000;
const PERCEPTION_DOWN_MS = 60_000;
/** Labels of other processes (`label`, `import`) are seen after at most so long. */
const LABEL_LOOK_INTERVAL_MS = 1_000;

/**
 * The composition root: builds every part from the configuration and lets frames flow from the
 * cameras to decisions, and labels to better heads.
 */
export class Agent extends EventEmitter<AgentEvents> implements AgentView {
  /** New on every start; frame ids and messages carry it. */
  readonly boot = randomBytes(4).toString('hex');
  readonly startedAtMs = Date.now();
  readonly statistics = new FrameStatistics();
  readonly recent: RecentFrames;
  readonly cameras: RunningCamera[];
  readonly state: State;
  readonly labelling: Labelling;
  readonly training: TrainingService;
  readonly instant: InstantService;
  readonly telemetry: TelemetryService;
  readonly pausing = new Pausing(() => this.#pausingChanged());
  readonly sparing: Sparing;
  readonly #perception: Perception<Frame>;
  readonly #asking: Asking;
  readonly #audit: AuditTrail;
  readonly #alerting: Alerting;
  readonly #cameraReports: CameraReports;
  readonly #watchdog: Watchdog;
  readonly #timers: NodeJS.Timeout[] = [];
  #heads: HeadService | null = null;
  #operations: Operations | null = null;
  /** Up to this one, everything that learns from labels has been told. */
  #labelRevision = 0;
  #shadow: ShadowService | null = null;
  #console: RunningConsole | null = null;
  #stopping: Promise<void> | null = null;

  /** @throws HeadlandError HL_STATE_UNWRITABLE, HL_STORE_…, HL_SECRET_… */
  constructor(
    readonly config: Config,
    readonly options: AgentOptions,
  ) {
    super();
    const { log } = options;
    this.state = openState(config, log);
    this.#audit = new AuditTrail(this.state.audit, log);
    this.recent = new RecentFrames({
      maxFrames: config.samples.recentFrames,
      maxBytes: config.samples.recentMaxBytes,
    });
    this.cameras = makeCameras(config, log, {
      onState: () => this.emit('status'),
      onQuality: (camera, quality) => {
        if (this.#cameraReports.measured(camera, quality)) this.emit('status');
      },
      onRefused: (frame, error) => this.#refused(frame, error),
    });
    this.#perception = new Perception<Frame>(
      perceptionSettings(config),
      {
        onPerceived: (frame, perceived) => this.#decided(frame, perceived),
        onRefused: (frame, error) => this.#undecodable(frame, error),
        onFailure: (error) => this.telemetry.event(failureMessage(error, 'failure', 'critical')),
        onHeadLost: (error) => void this.#heads?.reopen(error),
      },
      log,
    );
    this.labelling = new Labelling(
      this.state.samples,
      this.recent,
      () => this.#perception.backbone?.checksum ?? null,
    );
    this.training = new TrainingService(
      config,
      this.state,
      () => (this.pausing.has('training') ? trainingPaused() : this.sparing.tooHotToTrain),
      {
        onProgress: (progress, trainingId) => {
          this.telemetry.trainingProgress(progress, trainingId);
          this.emit('trainingProgress', progress);
        },
        onReport: (report) => {
          this.telemetry.trainingReport(report);
          this.emit('trainingReport', report);
        },
        promote: (version) => this.heads.promote(version),
      },
      log,
      () => this.#heads?.serving?.head.labels ?? null,
    );
    this.instant = new InstantService({
      learner: new InstantLearner({
        dbPath: this.state.databasePath,
        minLabelsPerClass: config.training.minLabelsPerClass,
      }),
      ...{ samples: this.state.samples, meta: this.state.meta, log },
      backboneChecksum: () => this.#perception.backbone?.checksum ?? null,
      swap: (serving) => this.#perception.swapHead(serving),
      isPaused: () => !config.training.instant || this.pausing.has('training'),
      onLearnt: () => this.#learnt(),
      onFailure: (error) => this.telemetry.learningFailed(failureMessage(error)),
    });
    this.telemetry = new TelemetryService(config, {
      boot: this.boot,
      environment: options.environment,
      database: this.state.database,
      log,
    });
    this.sparing = new Sparing({
      config,
      framesPerSecond: () => this.statistics.framesPerSecond(Date.now()),
      onLimit: (limit, temperatureC) => {
        this.#perception.limitRate(limit.framesPerSecond);
        if (limit.reason !== 'configured') {
          this.telemetry.event(rateLimitMessage(limit, temperatureC));
        }
        this.emit('status');
      },
      onCooled: () => this.training.onLabel(),
      log,
    });
    this.#cameraReports = new CameraReports(this.telemetry, log);
    this.#asking = new Asking({
      settings: { ...config.samples, ...config.inference },
      ...{ labelling: this.labelling, samples: this.state.samples, telemetry: this.telemetry, log },
    });
    this.#alerting = new Alerting(config, this.telemetry, log);
    this.#watchdog = new Watchdog(new SystemdNotifier(options.environment), log);
  }

  /**
   * Opens everything; resolves when frames flow.
   * @param hooks.beforeFrames runs when everything is open and no camera has started yet
   * @throws HeadlandError of the part that failed
   */
  async start(hooks: { beforeFrames?: () => Promise<void> } = {}): Promise<void> {
    const { config } = this;
    const { log, environment } = this.options;
    makeFolderSync(config.paths.cacheDir);
    await this.#alerting.open();
    const backbone = await startPerception(this.#perception, config, { log, environment });
    log.info(backbone, 'backbone ready');
    this.#heads = new HeadService(
      this.state.heads,
      (serving) => this.instant.hold(() => this.#perception.swapHead(serving)),
      () => this.#perception.backbone?.checksum ?? backbone.checksum,
      {
        onServing: (stored) => this.#serving(stored),
        onUnusable: (version, error, instead) => {
          const message = unusableMessage(version, error, instead);
          log.error({ code: error.code, version, instead }, message.message);
          this.telemetry.event(message);
        },
      },
      log,
    );
    this.#audit.started(this.boot, this.options.version);
    this.#operations = new Operations({
      labelling: this.labelling,
      recent: this.recent,
      samples: this.state.samples,
      heads: this.heads,
      training: this.training,
      pausing: this.pausing,
      audit: this.#audit,
      onLabel: () => this.#labelsChanged(),
    });
    await this.telemetry.start((command) =>
      executeCommand(command, this.operations, () => statusAnswer(agentStatus(this))),
    );
    this.telemetry.info(infoMessage(this, backbone));
    const { unfit } = this.#perception;
    if (unfit) this.telemetry.event(failureMessage(unfit));
    await this.heads.start();
    this.instant.start();
    this.#shadow = new ShadowService({
      ...{ registry: this.state.heads, samples: this.state.samples, heads: this.heads },
      ...{ settings: config.gate, log },
      onSwitched: (trial) => {
        this.#audit.tried(trial);
        this.telemetry.event(trialMessage(trial));
      },
    });
    this.#shadow.start();
    this.sparing.start();
    this.#labelRevision = this.state.samples.labelRevision();
    this.training.listen();
    this.#console = await startConsole(this);
    this.statistics.start();
    await hooks.beforeFrames?.();
    for (const { supervisor } of this.cameras) supervisor.start((frame) => this.#seen(frame));
    this.#every(config.mqtt.metricsIntervalMs, () => this.#reportMetrics());
    this.#every(LABEL_LOOK_INTERVAL_MS, () => this.#lookForLabels());
    this.#every(250, () => this.#alerting.tick(Date.now()));
    this.#pausingChanged();
    this.#watchdog.ready(
      () => this.#isHealthy(),
      () => statusLine(agentStatus(this)),
    );
    log.info(
      { cameras: config.cameras.length, mqtt: this.telemetry.url, console: this.consoleUrl },
      'ready',
    );
  }

  /** Stops in order: no new frames, outputs off, the last messages out. Never throws. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** Synchronous, for the very end of the process: whatever happened, no output stays on. */
  outputsOff(): void {
    this.#alerting.allOff();
  }

  get heads(): HeadService {
    if (!this.#heads) throw new Error('the agent has not started');
    return this.#heads;
  }

  get operations(): Operations {
    if (!this.#operations) throw new Error('the agent has not started');
    return this.#operations;
  }

  get perception(): Pick<Perception<Frame>, 'backbone' | 'dropped' | 'serving'> {
    return this.#perception;
  }

  /** Null while the console is off. */
  get consoleUrl(): string | null {
    return this.#console?.url ?? null;
  }

  // camera → perception
  #seen(frame: Frame): Promise<void> | undefined {
    if (this.pausing.has('inference')) return undefined;
    return this.#perception.submit(frame);
  }

  // perception → memory, alerts, telemetry, and now and then a question
  #decided(frame: Frame, perceived: Perceived): void {
    const nowMs = Date.now();
    const frameId = `${this.boot}-${frame.camera}-${frame.sequence}`;
    const recent: RecentFrame = { frameId, frame, perceived };
    this.recent.add(recent);
    this.statistics.add(perceived.timings.totalMs, nowMs);
    // A head of the first labels has passed no gate: it switches nothing.
    if (perceived.decision.headVersion !== null || perceived.decision.top.length === 0) {
      this.#alerting.observe(frame.camera, perceived.decision, nowMs);
    }
    const sampleId = this.#asking.consider(recent, nowMs);
    this.telemetry.prediction(predictionMessage(recent, sampleId));
    this.emit('decision', recent);
  }

  #undecodable(frame: Frame, error: HeadlandError): void {
    this.cameras
      .find(({ config }) => config.name === frame.camera)
      ?.supervisor.reportInvalidPicture();
    this.#refused(frame, error);
  }

  #refused(frame: Frame, error: HeadlandError): void {
    this.statistics.refuse();
    this.options.log.warn(
      { code: error.code, camera: frame.camera, origin: frame.origin },
      `a picture was refused: ${error.message}`,
    );
    this.telemetry.pictureRefused(failureMessage(error, 'camera'));
  }

  #serving(stored: StoredHead | null): void {
    this.options.log.info({ version: stored?.card.version ?? null }, 'head serving');
    this.#audit.serving(stored);
    this.instant.baseChanged(stored);
    this.#reportModel();
    this.emit('head', stored);
  }

  /** The head that serves has learnt labels at once. */
  #learnt(): void {
    const learnt = this.instant.learnt;
    this.options.log.info(
      {
        labels: learnt?.labels ?? 0,
        newClasses: learnt?.newClasses ?? [],
        revision: learnt?.revision,
      },
      'labels learnt at once',
    );
    this.#reportModel();
    this.emit('status');
  }

  #reportModel(): void {
    this.telemetry.model(modelMessage(modelStatus(this)));
  }

  #reportMetrics(): void {
    this.telemetry.metrics(metricsMessage(agentStatus(this)));
    this.statistics.resetLoopDelay();
  }

  #pausingChanged(): void {
    this.telemetry.status(this.pausing.has('inference') ? 'paused' : 'online', this.pausing.paused);
    if (this.pausing.has('training')) this.emit('status');
    else this.#labelsChanged();
  }

  /** What learns from labels looks at them now. */
  #labelsChanged(): void {
    this.#labelRevision = this.state.samples.labelRevision();
    this.instant.labelsChanged();
    this.training.onLabel();
    this.emit('status');
  }

  /** A label that another process gave has the same effect as one that came through this daemon. */
  #lookForLabels(): void {
    try {
      if (this.state.samples.labelRevision() !== this.#labelRevision) this.#labelsChanged();
    } catch (error) {
      this.options.log.error({ err: messageOf(error) }, 'cannot look for new labels');
    }
  }

  /** The watchdog feeds on this: no frame is stuck, and perception is there or coming back. */
  #isHealthy(): boolean {
    const { busyForMs, downForMs } = this.#perception;
    return busyForMs < STUCK_FRAME_MS && downForMs < PERCEPTION_DOWN_MS;
  }

  async #stopAll(): Promise<void> {
    this.#watchdog.stopping();
    for (const timer of this.#timers) clearInterval(timer);
    this.#heads?.stop();
    await this.#shadow?.stop();
    await this.instant.stop();
    this.statistics.stop();
    this.sparing.stop();
    const training = this.training.stop();
    await Promise.allSettled(this.cameras.map(({ supervisor }) => supervisor.stop()));
    this.#alerting.allOff();
    await Promise.allSettled([training, this.#perception.stop(), this.#console?.close()]);
    await this.telemetry.stop();
    this.#alerting.close();
    this.state.close();
  }

  #every(intervalMs: number, work: () => void): void {
    this.#timers.push(setInterval(work, intervalMs));
  }
}
