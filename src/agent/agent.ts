import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type Alarm, Alarms } from '../base/alarms.js';
import { type HeadlandError, isHeadlandError } from '../base/errors.js';
import { Moment } from '../base/moment.js';
import { SideService } from '../base/side-service.js';
import { eyeOf } from '../base/words/eye.js';
import type { Frame } from '../camera/camera.js';
import type { Config } from '../config/schema.js';
import { SystemdNotifier } from '../host/notify.js';
import { Perception } from '../perception/perception.js';
import type { BackboneInfo, Perceived } from '../perception/perception-protocol.js';
import type { StoredHead } from '../registry/version-directory.js';
import { InstantLearner } from '../training/instant/instant-learner.js';
import { AuditTrail } from './audit-trail.js';
import { executeCommand } from './execute-command.js';
import { HeadService } from './learning/head-service.js';
import { InstantService } from './learning/instant-service.js';
import { Labelling } from './learning/labelling.js';
import { ShadowService } from './learning/shadow-service.js';
import { TrainingService, trainingPaused } from './learning/training-service.js';
import { openStateOrStandIn, type State } from './open-state.js';
import { Operations } from './operations.js';
import { Pausing } from './pausing.js';
import {
  failureMessage,
  modelMessage,
  predictionMessage,
  rateLimitMessage,
  trialMessage,
  unusableMessage,
} from './reporting/agent-messages.js';
import { AlarmReports } from './reporting/alarm-reports.js';
import { Alerting } from './reporting/alerting.js';
import { type RunningConsole, startConsole } from './reporting/start-console.js';
import { infoMessage, metricsMessage, statusAnswer, statusLine } from './reporting/survey.js';
import { TelemetryService } from './reporting/telemetry-service.js';
import { Asking } from './seeing/asking.js';
import { BackboneService, perceptionSettings } from './seeing/backbone-service.js';
import { CameraReports } from './seeing/camera-reports.js';
import { FrameStatistics } from './seeing/frame-statistics.js';
import { makeCameras } from './seeing/make-cameras.js';
import { type RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import { RefusedPictures } from './seeing/refused-pictures.js';
import { Sparing } from './sparing.js';
import { agentStatus, modelStatus } from './status.js';
import { StoreWatch } from './store-watch.js';
import { SyncService } from './sync-service.js';
import type { AgentEvents, AgentOptions, AgentView, RunningCamera } from './view.js';
import { makesProgress, Watchdog } from './watchdog.js';

/** Interval of the check for labels from other processes (`label`, `import`). */
const LABEL_CHECK_INTERVAL_MS = 1_000;

/**
 * The composition root: builds every part from the configuration and connects them, from camera frames
 * to decisions and from labels to new heads.
 */
export class Agent extends EventEmitter<AgentEvents> implements AgentView {
  /** Random id of this start, contained in frame ids and messages. */
  readonly boot = randomBytes(4).toString('hex');
  readonly started = new Moment();
  readonly alarms: Alarms;
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
  readonly #refusedPictures: RefusedPictures;
  readonly #backbone: BackboneService;
  readonly #storeWatch: StoreWatch;
  readonly #consoleService: SideService;
  readonly #watchdog: Watchdog;
  readonly #sync: SyncService;
  readonly #timers: NodeJS.Timeout[] = [];
  #heads: HeadService | null = null;
  #operations: Operations | null = null;
  /** The last label revision passed on to everything that learns from labels. */
  #labelRevision = 0;
  #shadow: ShadowService | null = null;
  #console: RunningConsole | null = null;
  /** Aborted when the daemon must end. */
  readonly #end = new AbortController();
  /** Settles when start-up has finished or failed. */
  #opening: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  /** Opens nothing but the state, or an in-memory stand-in where the state cannot be opened. */
  constructor(
    readonly config: Config,
    readonly options: AgentOptions,
  ) {
    super();
    const { log, environment } = options;
    const reports = new AlarmReports(
      () => this.telemetry,
      (alarm, raised) => this.#alarmChanged(alarm, raised),
      log,
    );
    this.alarms = new Alarms(reports);
    // No watch exists while the state is being opened: start() reports errors from that time.
    let watch: StoreWatch | null = null;
    this.state = openStateOrStandIn(config, (error) => watch?.trouble(error), log);
    this.#storeWatch = new StoreWatch(this.state.database, this.alarms);
    watch = this.#storeWatch;
    this.#backbone = new BackboneService({ config, environment, alarms: this.alarms, log });
    this.#refusedPictures = new RefusedPictures(this.alarms);
    this.#consoleService = new SideService({
      alarm: 'console',
      alarms: this.alarms,
      open: async () => {
        this.#console = await startConsole(this);
      },
    });
    this.#audit = new AuditTrail(this.state.audit, log);
    this.recent = new RecentFrames({
      maxFrames: config.samples.recentFrames,
      maxBytes: config.samples.recentMaxBytes,
    });
    this.cameras = makeCameras(config, log, this.alarms, {
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
    this.labelling = new Labelling(this.state.samples, this.recent);
    this.training = new TrainingService(
      config,
      this.state,
      () => this.#trainingObstacle(),
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
      () => this.#backbone.cacheDir,
    );
    this.instant = new InstantService({
      learner: new InstantLearner({
        dbPath: this.state.databasePath,
        minLabelsPerClass: config.training.minLabelsPerClass,
      }),
      samples: this.state.samples,
      meta: this.state.meta,
      log,
      backboneChecksum: () => this.#perception.backbone?.checksum ?? null,
      swap: (serving) => this.#perception.swapHead(serving),
      isPaused: () => !config.training.instant || this.pausing.has('training'),
      onLearnt: () => this.#learnt(),
      onFailure: (error) => this.telemetry.learningFailed(failureMessage(error)),
    });
    this.telemetry = new TelemetryService(config, {
      boot: this.boot,
      environment,
      database: this.state.database,
      alarms: this.alarms,
      log,
    });
    this.sparing = new Sparing({
      config,
      framesPerSecond: () => this.statistics.framesPerSecond(),
      onLimit: (limit, temperatureC) => {
        this.#perception.limitRate(limit.framesPerSecond);
        if (limit.reason !== 'configured') {
          this.telemetry.event(rateLimitMessage(limit, temperatureC));
        }
        this.emit('status');
      },
      onCooled: () => this.#labelsChanged(),
      log,
    });
    this.#cameraReports = new CameraReports(this.telemetry, log);
    this.#asking = new Asking({
      settings: { ...config.samples, ...config.inference },
      labelling: this.labelling,
      samples: this.state.samples,
      telemetry: this.telemetry,
      alarms: this.alarms,
      log,
    });
    this.#alerting = new Alerting(config, this.telemetry, this.alarms, log);
    this.#watchdog = new Watchdog(new SystemdNotifier(environment), log);
    this.#sync = new SyncService(config, this.state, { environment, alarms: this.alarms, log });
  }

  /**
   * Starts everything; resolves once the cameras have been started. A failure of a side service (disk,
   * broker, page, outputs) raises an alarm and is retried.
   * @param hooks.beforeFrames runs when everything is open and before any camera starts
   * @throws HeadlandError when there is no backbone or a setting is unusable; Error when stop() was
   *   called meanwhile
   */
  async start(hooks: { beforeFrames?: () => Promise<void> } = {}): Promise<void> {
    const opened = this.#open();
    this.#opening = opened.catch(() => undefined);
    await opened;
    await hooks.beforeFrames?.();
    this.#throwIfEnding();
    this.#startFrames();
  }

  async #open(): Promise<void> {
    const { config } = this;
    const { log } = this.options;
    this.#storeWatch.start();
    await this.#alerting.open();
    this.#throwIfEnding();
    const backbone = await this.#openPerception();
    this.#throwIfEnding();
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
    this.#throwIfEnding();
    this.telemetry.info(infoMessage(this, backbone));
    const { unfit } = this.#perception;
    if (unfit) this.alarms.raise('backbone', unfit);
    await this.heads.start();
    this.#throwIfEnding();
    this.instant.start();
    this.#shadow = new ShadowService({
      registry: this.state.heads,
      samples: this.state.samples,
      heads: this.heads,
      settings: config.gate,
      log,
      onSwitched: (trial) => {
        this.#audit.tried(trial);
        this.telemetry.event(trialMessage(trial));
      },
    });
    this.#shadow.start();
    this.sparing.start();
    this.#labelRevision = this.state.samples.labelRevision();
    this.training.listen();
    this.#sync.start();
    if (this.config.console.enabled) await this.#consoleService.start();
    this.#throwIfEnding();
  }

  /** stop() aborts this, including the download of a backbone. */
  async #openPerception(): Promise<BackboneInfo> {
    const { signal } = this.#end;
    const end = (): void => void this.#perception.stop();
    signal.addEventListener('abort', end);
    try {
      return await this.#backbone.start(this.#perception, signal);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  /** @throws Error when the daemon must end: stop() would not close what is opened after it */
  #throwIfEnding(): void {
    if (this.#end.signal.aborted) throw new Error('the agent was stopped during start-up');
  }

  #startFrames(): void {
    const { config } = this;
    this.statistics.start();
    for (const { supervisor } of this.cameras) supervisor.start((frame) => this.#seen(frame));
    this.#every(config.mqtt.metricsIntervalMs, 'report metrics', () => this.#reportMetrics());
    this.#every(LABEL_CHECK_INTERVAL_MS, 'check for labels', () => this.#checkForLabels());
    this.#every(250, 'clear alerts', () => this.#alerting.tick());
    this.#pausingChanged();
    this.#watchdog.ready(
      () => makesProgress(this.#perception),
      () => statusLine(agentStatus(this)),
    );
    this.options.log.info(
      { cameras: config.cameras.length, mqtt: this.telemetry.url, console: this.consoleUrl },
      'ready',
    );
  }

  /** Stops the cameras, switches the outputs off and sends the last messages, in this order. Never throws. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** Switches all outputs off, synchronously; for the `exit` event of the process. */
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

  /** Null while the console is not running. */
  get consoleUrl(): string | null {
    return this.#console?.url ?? null;
  }

  // camera → perception
  #seen(frame: Frame): Promise<void> | undefined {
    if (this.pausing.has('inference')) return undefined;
    return this.#perception.submit(frame);
  }

  // perception → memory, alerts, telemetry and, at times, a request for a label
  #decided(frame: Frame, perceived: Perceived): void {
    const frameId = `${this.boot}-${eyeOf(frame).replace('/', '.')}-${frame.sequence}`;
    const backboneChecksum = this.#perception.backbone?.checksum ?? null;
    const recent: RecentFrame = { frameId, frame, perceived, backboneChecksum };
    this.recent.add(recent);
    this.statistics.add(perceived.timings.totalMs);
    this.#refusedPictures.used(frame.camera);
    // A head of the first labels has passed no gate, so it must not switch outputs.
    if (perceived.decision.headVersion !== null || perceived.decision.top.length === 0) {
      this.#alerting.observe(frame, perceived.decision, perceived.scene);
    }
    const sampleId = this.#asking.consider(recent);
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
    // Cameras occasionally send a damaged picture: it is counted in the status and raises no alarm.
    const isolated = this.#refusedPictures.refused(frame.camera, error);
    this.options.log[isolated ? 'info' : 'debug'](
      { code: error.code, camera: frame.camera, origin: frame.origin },
      `picture refused: ${error.message}`,
    );
  }

  #alarmChanged({ name }: Alarm, raised: boolean): void {
    if (name === 'store' && !raised) void this.#storeRecovered();
    this.emit('status');
  }

  /** Catches up on work that was skipped while the disk was unavailable. */
  async #storeRecovered(): Promise<void> {
    await this.#heads?.recover();
    this.#labelsChanged();
    this.#reportModel();
  }

  #trainingObstacle(): HeadlandError | null {
    if (this.pausing.has('training')) return trainingPaused();
    return this.#storeWatch.obstacle ?? this.sparing.tooHotToTrain;
  }

  #serving(stored: StoredHead | null): void {
    this.options.log.info({ version: stored?.card.version ?? null }, 'head serving');
    this.#audit.serving(stored);
    this.instant.baseChanged(stored);
    this.#reportModel();
    this.emit('head', stored);
  }

  /** The instant learner has changed the serving head. */
  #learnt(): void {
    const learnt = this.instant.learnt;
    this.options.log.info(
      {
        labels: learnt?.labels ?? 0,
        newClasses: learnt?.newClasses ?? [],
        revision: learnt?.revision,
      },
      'learnt new labels',
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

  /** Notifies everything that learns from labels. A failure here undoes no label. */
  #labelsChanged(): void {
    this.#attempt('process the labels', () => {
      this.#labelRevision = this.state.samples.labelRevision();
      this.instant.labelsChanged();
      this.training.onLabel();
    });
    this.emit('status');
  }

  /** Gives labels from other processes the same effect as labels given through this daemon. */
  #checkForLabels(): void {
    if (this.state.samples.labelRevision() !== this.#labelRevision) this.#labelsChanged();
  }

  async #stopAll(): Promise<void> {
    this.#watchdog.stopping();
    this.#end.abort();
    await this.#opening;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#heads?.stop();
    await this.#sync.stop();
    await this.#shadow?.stop();
    await this.instant.stop();
    this.statistics.stop();
    this.sparing.stop();
    const training = this.training.stop();
    await Promise.allSettled(this.cameras.map(({ supervisor }) => supervisor.stop()));
    this.#alerting.allOff();
    await this.#consoleService.stop();
    await Promise.allSettled([training, this.#perception.stop(), this.#console?.close()]);
    await this.#backbone.stop();
    await this.#storeWatch.stop();
    await this.telemetry.stop();
    await this.#alerting.close();
    this.state.close();
  }

  /** Repeats work; after a failure the next run tries again. */
  #every(intervalMs: number, what: string, work: () => void): void {
    this.#timers.push(setInterval(() => this.#attempt(what, work), intervalMs));
  }

  /** A failing disk or database must not end the daemon, which classifies frames without it. */
  #attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      // Errors of the disk have already raised an alarm; anything else is a defect.
      if (isHeadlandError(error)) this.options.log.debug({ err: error }, `cannot ${what}`);
      else this.options.log.error({ err: error }, `cannot ${what}`);
    }
  }
}
