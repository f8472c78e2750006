import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type Alarm, Alarms } from '../base/alarms.js';
import { type HeadlandError, isHeadlandError } from '../base/errors.js';
import { Moment } from '../base/moment.js';
import { SideService } from '../base/side-service.js';
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
import type { AgentEvents, AgentOptions, AgentView, RunningCamera } from './view.js';
import { makesProgress, Watchdog } from './watchdog.js';

/** Labels of other processes (`label`, `import`) are seen after at most so long. */
const LABEL_LOOK_INTERVAL_MS = 1_000;

/**
 * The composition root: builds every part from the configuration and lets frames flow from the
 * cameras to decisions, and labels to better heads.
 */
export class Agent extends EventEmitter<AgentEvents> implements AgentView {
  /** New on every start; frame ids and messages carry it. */
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
  readonly #timers: NodeJS.Timeout[] = [];
  #heads: HeadService | null = null;
  #operations: Operations | null = null;
  /** Up to this one, everything that learns from labels has been told. */
  #labelRevision = 0;
  #shadow: ShadowService | null = null;
  #console: RunningConsole | null = null;
  /** Aborted when the daemon is to end. */
  readonly #end = new AbortController();
  /** Settled when nothing is being opened. */
  #opening: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  /** Opens nothing but the state; where that cannot be had, something stands in for it. */
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
    // While the state is being opened nobody watches yet: what is wrong then, the watch says at start.
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
  }

  /**
   * Opens everything; resolves when frames flow. What fails beside the main job (disk, broker, page,
   * outputs) is an alarm and tried again.
   * @param hooks.beforeFrames runs when everything is open and no camera has started yet
   * @throws HeadlandError when there is no backbone, or a setting is impossible; Error when it was
   *   stopped meanwhile
   */
  async start(hooks: { beforeFrames?: () => Promise<void> } = {}): Promise<void> {
    const opened = this.#open();
    this.#opening = opened.catch(() => undefined);
    await opened;
    await hooks.beforeFrames?.();
    this.#goOn();
    this.#letFramesFlow();
  }

  async #open(): Promise<void> {
    const { config } = this;
    const { log } = this.options;
    this.#storeWatch.start();
    await this.#alerting.open();
    this.#goOn();
    const backbone = await this.#openPerception();
    this.#goOn();
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
    this.#goOn();
    this.telemetry.info(infoMessage(this, backbone));
    const { unfit } = this.#perception;
    if (unfit) this.alarms.raise('backbone', unfit);
    await this.heads.start();
    this.#goOn();
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
    if (this.config.console.enabled) await this.#consoleService.start();
    this.#goOn();
  }

  /** A stop ends it, and with it the fetching of a backbone. */
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

  /** @throws Error when the daemon is to end: what would be opened now would stay open */
  #goOn(): void {
    if (this.#end.signal.aborted) throw new Error('the agent was stopped while it started');
  }

  #letFramesFlow(): void {
    const { config } = this;
    this.statistics.start();
    for (const { supervisor } of this.cameras) supervisor.start((frame) => this.#seen(frame));
    this.#every(config.mqtt.metricsIntervalMs, 'report metrics', () => this.#reportMetrics());
    this.#every(LABEL_LOOK_INTERVAL_MS, 'look for labels', () => this.#lookForLabels());
    this.#every(250, 'end alerts', () => this.#alerting.tick());
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
    const frameId = `${this.boot}-${frame.camera}-${frame.sequence}`;
    const backboneChecksum = this.#perception.backbone?.checksum ?? null;
    const recent: RecentFrame = { frameId, frame, perceived, backboneChecksum };
    this.recent.add(recent);
    this.statistics.add(perceived.timings.totalMs);
    this.#refusedPictures.used(frame.camera);
    // A head of the first labels has passed no gate: it switches nothing.
    if (perceived.decision.headVersion !== null || perceived.decision.top.length === 0) {
      this.#alerting.observe(frame.camera, perceived.decision, perceived.scene);
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
    // Cameras send a damaged picture at times: it is counted in the status and no reason for alarm.
    const news = this.#refusedPictures.refused(frame.camera, error);
    this.options.log[news ? 'info' : 'debug'](
      { code: error.code, camera: frame.camera, origin: frame.origin },
      `a picture was refused: ${error.message}`,
    );
  }

  #alarmChanged({ name }: Alarm, raised: boolean): void {
    if (name === 'store' && !raised) void this.#storeRecovered();
    this.emit('status');
  }

  /** The disk is back: what was left undone without it. */
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

  /** What learns from labels looks at them now. What fails here undoes no label. */
  #labelsChanged(): void {
    this.#attempt('look at the labels', () => {
      this.#labelRevision = this.state.samples.labelRevision();
      this.instant.labelsChanged();
      this.training.onLabel();
    });
    this.emit('status');
  }

  /** A label that another process gave has the same effect as one that came through this daemon. */
  #lookForLabels(): void {
    if (this.state.samples.labelRevision() !== this.#labelRevision) this.#labelsChanged();
  }

  async #stopAll(): Promise<void> {
    this.#watchdog.stopping();
    this.#end.abort();
    await this.#opening;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#heads?.stop();
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

  /** What fails once is done the next time. */
  #every(intervalMs: number, what: string, work: () => void): void {
    this.#timers.push(setInterval(() => this.#attempt(what, work), intervalMs));
  }

  /** A disk or a database that fails must not end the daemon: frames are classified without it. */
  #attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      // What the disk refuses is an alarm already; anything else is a defect.
      if (isHeadlandError(error)) this.options.log.debug({ err: error }, `cannot ${what}`);
      else this.options.log.error({ err: error }, `cannot ${what}`);
    }
  }
}
