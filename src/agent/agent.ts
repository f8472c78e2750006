import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { RaisedAlert } from '../alerts/rules.js';
import { type Alarm, Alarms } from '../base/alarms.js';
import {
  deserialiseError,
  HeadlandError,
  isHeadlandError,
  serialiseError,
} from '../base/errors.js';
import type { Located } from '../base/geo/position.js';
import { Moment } from '../base/moment.js';
import { mapNonEmpty, type NonEmpty } from '../base/non-empty.js';
import { SideService } from '../base/side-service.js';
import { Scheduler } from '../base/timers/scheduler.js';
import { type Eye, eyeOf, eyesOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import type { Frame } from '../camera/camera.js';
import type { Config } from '../config/schema.js';
import type { FleetService } from '../fleet/robot/fleet-service.js';
import { SystemdNotifier } from '../host/notify.js';
import type { Written } from '../host/written-bytes.js';
import { Perception } from '../perception/perception.js';
import type { BackboneInfo, Perceived, TaskAnswer } from '../perception/perception-protocol.js';
import type { StoredHead } from '../registry/version-directory.js';
import { PlaceGroups } from '../samples/grouping/place-groups.js';
import { SightingRecorder } from '../samples/sightings/sighting-recorder.js';
import type { TrainingReport } from '../training/report.js';
import { AuditTrail } from './audit-trail.js';
import { Buttons } from './buttons/buttons.js';
import { press } from './buttons/press.js';
import { BoardAlarms } from './care/board-alarms.js';
import { CameraLoad } from './care/camera-load.js';
import { FrameFlow } from './care/frame-flow.js';
import { SpaceReturn } from './care/space-return.js';
import { Sparing } from './care/sparing.js';
import { type RunningConsole, startConsole } from './console/start-console.js';
import { DoNotDisturb } from './do-not-disturb.js';
import { DoctorService } from './doctor/doctor-service.js';
import { executeCommand } from './execute-command.js';
import { EmbeddingService } from './learning/embedding-service.js';
import { joinFleet } from './learning/join-fleet.js';
import { modelStatus } from './learning/model-status.js';
import { trainingPaused } from './learning/training-service.js';
import { openStateOrStandIn, type State, type TaskState } from './open-state.js';
import { Operations, type OperationTask } from './operations.js';
import { Pausing } from './pausing.js';
import { TrashCare } from './pictures/trash-care.js';
import {
  failureMessage,
  modelMessage,
  predictionMessage,
  rateLimitMessage,
} from './reporting/agent-messages.js';
import { AlarmReports } from './reporting/alarm-reports.js';
import { AlertActions } from './reporting/alerts/alert-actions.js';
import { Alerting, type OutputState } from './reporting/alerts/alerting.js';
import { PictureReports } from './reporting/picture-reports.js';
import { RobotEvents } from './reporting/robot-events.js';
import { infoMessage, metricsMessage, statusAnswer, statusLine } from './reporting/survey.js';
import { TelemetryService } from './reporting/telemetry-service.js';
import { RobotTask } from './robot-task.js';
import { Safekeeping } from './safekeeping/safekeeping.js';
import { BackboneService } from './seeing/backbone-service.js';
import { CameraPictures } from './seeing/camera-pictures.js';
import { CameraReports } from './seeing/camera-reports.js';
import { FrameStatistics } from './seeing/frame-statistics.js';
import { makeCameras, waitingPace } from './seeing/make-cameras.js';
import { perceptionSettings } from './seeing/perception-settings.js';
import { PositionService } from './seeing/position-service.js';
import { type RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import { RefusedPictures } from './seeing/refused-pictures.js';
import { SpeedReports } from './seeing/speed-reports.js';
import { agentStatus } from './status.js';
import { StoreWatch } from './store-watch.js';
import { SyncService } from './sync-service.js';
import type { AgentEvents, AgentOptions, AgentView, RunningCamera } from './view.js';
import { standstills, Watchdog } from './watchdog.js';

/** Interval of the check for labels from other processes (`label`, `import`). */
const LABEL_CHECK_INTERVAL_MS = 1_000;
const EVENT_WRITE_INTERVAL_MS = 10_000;
const LOAD_INTERVAL_MS = 5_000;
const TEND_INTERVAL_MS = 1_000;
const CREDENTIALS_INTERVAL_MS = 5_000;
const HOLD_CHECK_INTERVAL_MS = 500;
/** After this time without a decision an alarm says that there is none, and the start is over. */
const FIRST_DECISION_MS = 60_000;

/**
 * The composition root: builds every part from the configuration and connects them, from camera frames
 * to decisions and from labels to new heads.
 */
export class Agent extends EventEmitter<AgentEvents> implements AgentView {
  /** Random id of this start, contained in frame ids and messages. */
  readonly boot = randomBytes(4).toString('hex');
  readonly started = new Moment();
  readonly alarms: Alarms;
  readonly scheduler: Scheduler;
  readonly statistics = new FrameStatistics();
  readonly recent: RecentFrames;
  readonly cameras: RunningCamera[];
  readonly state: State;
  readonly tasks: NonEmpty<RobotTask>;
  readonly telemetry: TelemetryService;
  readonly pausing = new Pausing(() => this.#pausingChanged());
  /** The do-not-disturb lock. */
  readonly disturbance: DoNotDisturb;
  readonly sparing: Sparing;
  readonly position: PositionService;
  readonly cameraLoad: CameraLoad;
  readonly cameraPictures: CameraPictures;
  readonly doctor: DoctorService;
  readonly #events: RobotEvents;
  readonly #perception: Perception<Frame>;
  readonly #audit: AuditTrail;
  readonly #embedding: EmbeddingService;
  readonly #alerting: Alerting;
  readonly #buttons: Buttons;
  readonly #alertActions: AlertActions;
  readonly #cameraReports: CameraReports;
  readonly #pictureReports: PictureReports;
  readonly #refusedPictures: RefusedPictures;
  readonly #backbone: BackboneService;
  readonly #storeWatch: StoreWatch;
  readonly #safekeeping: Safekeeping;
  readonly #consoleService: SideService;
  readonly #watchdog: Watchdog;
  readonly #boardAlarms: BoardAlarms;
  readonly #sync: SyncService;
  readonly #trash: TrashCare;
  readonly #space: SpaceReturn;
  readonly #speeds: SpeedReports;
  readonly #sightings: SightingRecorder;
  /** Null: the robot is in no fleet. */
  readonly fleet: FleetService | null;
  /** Null: frames are grouped by time alone. */
  readonly #places: PlaceGroups | null;
  readonly #flow = new FrameFlow();
  #operations: Operations | null = null;
  #console: RunningConsole | null = null;
  /** Aborted when the daemon must end. */
  /** Who held the robot at the last check, one a line. */
  #holders = '';
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
    this.scheduler = new Scheduler({ alarms: this.alarms, log });
    // No watch exists while the state is being opened: start() reports errors from that time.
    let watch: StoreWatch | null = null;
    this.state = openStateOrStandIn(
      config,
      (error) => watch?.trouble(error),
      log,
      () => this.#perception.backbone?.checksum ?? null,
    );
    this.#safekeeping = new Safekeeping({
      config,
      version: options.version,
      database: this.state.database,
      audit: this.state.audit,
      alarms: this.alarms,
      repeats: this.scheduler,
      log,
      labelRevision: () =>
        Math.max(...this.state.tasks.map((task) => task.samples.labelRevision())),
      onDamage: (error) => this.#storeWatch.trouble(error),
    });
    this.#storeWatch = new StoreWatch(
      this.state.database,
      this.alarms,
      this.scheduler,
      this.#safekeeping,
    );
    watch = this.#storeWatch;
    this.#boardAlarms = new BoardAlarms(config, this.alarms);
    this.#events = new RobotEvents(this.state.events, log);
    this.cameraLoad = new CameraLoad(this.alarms);
    this.doctor = new DoctorService({
      config,
      configFile: options.settings?.configFile ?? null,
      version: options.version,
      environment,
      meta: this.state.meta,
      log,
    });
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
    this.disturbance = new DoNotDisturb(this.state.holds);
    const { groupRadiusMeters } = config.samples;
    const [{ samples }] = this.state.tasks;
    this.#places =
      groupRadiusMeters === null
        ? null
        : new PlaceGroups(groupRadiusMeters, (position, meters) => samples.near(position, meters));
    const { cellMeters } = config.position.sightings;
    this.#sightings = new SightingRecorder(this.state.sightings, cellMeters);
    this.position = new PositionService({
      settings: config.position,
      alarms: this.alarms,
      onPosition: (located) => this.#moved(located),
      log,
    });
    this.recent = new RecentFrames({
      maxFrames: config.samples.recentFrames,
      maxBytes: config.samples.recentMaxBytes,
    });
    this.cameras = makeCameras(config, log, this.alarms, {
      onState: () => this.emit('status'),
      onQuality: (camera, quality) => {
        if (this.#cameraReports.measured(camera, quality)) this.emit('status');
        const { condition } = quality;
        if (condition === null) return;
        const subject = { condition: 'camera_dirty', camera, task: null } as const;
        this.#alerting.report(subject, condition !== 'good');
      },
      onRefused: (frame, error) => this.#refused(frame, error),
    });
    this.cameraPictures = new CameraPictures(this.cameras, config);
    this.#perception = new Perception<Frame>(
      perceptionSettings(config),
      {
        onPerceived: (frame, perceived) =>
          this.#surely(() =>
            frame.stored === undefined
              ? this.#decided(frame, perceived)
              : this.#embedding.embedded(frame.stored, perceived),
          ),
        onRefused: (frame, error) =>
          this.#surely(() =>
            frame.stored === undefined
              ? this.#undecodable(frame, error)
              : this.#embedding.refused(frame.stored, error),
          ),
        onFailure: (error) => this.telemetry.event(failureMessage(error, 'failure', 'critical')),
        onHeadLost: (task, error) => void this.#task(task)?.heads.reopen(error),
      },
      log,
      options.thread,
    );
    this.#embedding = new EmbeddingService({
      perception: this.#perception,
      samples,
      isPaused: () => this.pausing.has('inference'),
      onEmbedded: () => {
        for (const task of this.tasks) task.queue.featuresAdded();
        this.emit('status');
      },
      repeats: this.scheduler,
      log,
    });
    this.telemetry = new TelemetryService(config, {
      boot: this.boot,
      environment,
      database: this.state.database,
      alarms: this.alarms,
      position: () => this.position.current(),
      heldBy: () => this.disturbance.holds().map(({ holder }) => holder),
      onRefused: (name, { code }, suppressed) => this.#audit.refused(name, code, suppressed),
      onEvent: (body) => this.#events.told(body),
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
      onHold: () => this.#holdTrainings(),
      onReadings: (board) => {
        this.#boardAlarms.check({ board, written: this.written });
      },
      board: { diskPath: config.paths.stateDir },
      repeats: this.scheduler,
      log,
    });
    this.#cameraReports = new CameraReports(this.telemetry, log);
    this.#pictureReports = new PictureReports({
      config,
      cameras: this.cameras,
      telemetry: this.telemetry,
      repeats: this.scheduler,
      log,
    });
    this.tasks = mapNonEmpty(this.state.tasks, (task) => this.#makeTask(task));
    this.fleet = joinFleet({
      config,
      version: options.version,
      state: this.state,
      tasks: this.tasks,
      telemetry: this.telemetry,
      backbone: () => this.#perception.backbone,
      position: () => this.position.current(),
      isHeld: () => this.disturbance.isHeld,
      repeats: this.scheduler,
      log,
    });
    this.#alertActions = new AlertActions({
      config,
      telemetry: this.telemetry,
      alarms: this.alarms,
      log,
      keep: (eye, task) => this.#keep(eye, task),
    });
    const nowMs = (): number => performance.now();
    const { telemetry, alarms } = this;
    this.#alerting = new Alerting(config, telemetry, alarms, log, nowMs, this.#alertActions);
    this.#speeds = new SpeedReports(this.#alerting, {
      usePosition: config.position.speedForAlerts,
      maxAgeMs: config.alerts.speedMaxAgeMs,
    });
    this.#buttons = new Buttons(config.gpio, {
      press: (input) => press(input, this.operations),
      alarms: this.alarms,
      repeats: this.scheduler,
      log,
    });
    this.#watchdog = new Watchdog(new SystemdNotifier(environment), this.scheduler, log);
    this.#trash = new TrashCare({
      samples: this.state.tasks[0].samples,
      audit: this.state.audit,
      trashDays: config.samples.trashDays,
      repeats: this.scheduler,
      log,
    });
    this.#space = new SpaceReturn({
      database: this.state.database,
      repeats: this.scheduler,
      log,
    });
    this.#sync = new SyncService(config, this.state, { environment, alarms: this.alarms, log });
    // Everything is open: from here on no write may keep frames waiting.
    this.state.database.doNotBlock();
  }

  /**
   * Starts everything; resolves once the cameras have been started. A failure of a side service (disk,
   * broker, page, outputs, buttons) raises an alarm and is retried.
   * @param hooks.beforeFrames runs when everything is open and before any camera starts
   * @throws HeadlandError when there is no backbone or a setting is unusable; Error when stop() was
   *   called meanwhile
   */
  async start(hooks: { beforeFrames?: () => Promise<void> } = {}): Promise<void> {
    const opened = this.#open(hooks.beforeFrames === undefined);
    this.#opening = opened.catch(() => undefined);
    await opened;
    await hooks.beforeFrames?.();
    this.#throwIfEnding();
    if (hooks.beforeFrames) this.#startCameras();
    this.#startFrames();
  }

  /** @param withCameras starts them, too: they need as long as the backbone, and their frames wait */
  async #open(withCameras: boolean): Promise<void> {
    const { log } = this.options;
    this.#perception.hold();
    this.#storeWatch.start();
    this.#attempt('name the tasks without settings', () => this.#nameStrayTasks());
    await this.#alerting.open();
    await this.#alertActions.open();
    this.#alerting.alarmsChanged(this.alarms.list());
    this.#throwIfEnding();
    if (withCameras) this.#startCameras();
    const backbone = await this.#openPerception();
    this.#throwIfEnding();
    log.info(backbone, 'backbone ready');
    this.#audit.started(this.boot, this.options.version);
    this.#events.started(this.options.version);
    this.#operations = new Operations({
      tasks: mapNonEmpty(this.tasks, (task) => this.#operationTask(task)),
      recent: this.recent,
      pausing: this.pausing,
      disturbance: this.disturbance,
      onHold: () => this.#checkHolds(),
      audit: this.#audit,
      outputs: {
        reportSpeed: (metersPerSecond) => this.#speeds.reportSpeed(metersPerSecond),
        acknowledge: (rule) => this.#alerting.acknowledge(rule),
        test: (output, durationMs) => this.#alerting.test(output, durationMs),
        tryCommand: (rule) => this.#alertActions.tryCommand(rule),
      },
      rules: this.config.alerts.rules,
      settings: this.options.settings ?? null,
      onSettings: (paths) => this.#events.settingsChanged(paths),
      cameras: new Map(this.cameras.map(({ config, supervisor }) => [config.name, supervisor])),
    });
    this.fleet?.listen();
    await this.telemetry.start((command, { signer }) => {
      const describe = (): Record<string, unknown> => statusAnswer(agentStatus(this), this.written);
      return executeCommand(command, this.operations, describe, { signer, audit: this.#audit });
    });
    this.#throwIfEnding();
    this.telemetry.info(infoMessage(this, backbone));
    const { unfit, unaccelerated } = this.#perception;
    if (unfit) this.alarms.raise('backbone', unfit);
    if (unaccelerated) this.alarms.raise('accelerator', unaccelerated);
    for (const task of this.tasks) {
      await task.heads.start();
      this.#throwIfEnding();
    }
    for (const task of this.tasks) task.listen();
    this.fleet?.start();
    this.#embedding.start();
    this.sparing.start();
    this.#sync.start();
    this.#trash.start();
    this.#space.start();
    this.#safekeeping.start();
    this.position.start();
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

  #startCameras(): void {
    for (const { supervisor } of this.cameras) supervisor.start((frame) => this.#seen(frame));
  }

  #startFrames(): void {
    const { config } = this;
    this.statistics.start();
    this.#perception.release();
    this.#every(config.mqtt.metricsIntervalMs, 'metrics', 'report metrics', () =>
      this.#reportMetrics(),
    );
    this.#every(LABEL_CHECK_INTERVAL_MS, 'other-labels', 'check for labels', () =>
      this.#checkForLabels(),
    );
    const { writeIntervalMs } = config.position.sightings;
    this.#every(writeIntervalMs, 'sightings', 'write sightings', () => this.#writeSightings());
    this.#every(EVENT_WRITE_INTERVAL_MS, 'events', 'write events', () => {
      this.#events.flush();
      this.#audit.flush();
    });
    this.#every(LOAD_INTERVAL_MS, 'load', 'measure the cameras', () => this.#measureCameras());
    this.#every(250, 'alerts', 'clear alerts', () => {
      this.#alerting.tick();
      this.#alertActions.tick();
    });
    this.#every(HOLD_CHECK_INTERVAL_MS, 'holds', 'notice who holds the robot', () =>
      this.#checkHolds(),
    );
    this.scheduler.every({
      name: 'broker',
      what: 'send what waits for the broker',
      intervalMs: TEND_INTERVAL_MS,
      vital: true,
      run: () => this.telemetry.tend(),
    });
    this.#every(CREDENTIALS_INTERVAL_MS, 'credentials', 'read the credentials of the broker', () =>
      this.telemetry.tendCredentials(),
    );
    this.#pictureReports.start();
    void this.#buttons.start();
    this.#pausingChanged();
    this.#flow.interrupted();
    this.#watchdog.start(
      () => this.#standstill(),
      () => statusLine(agentStatus(this)),
    );
    this.#awaitFirstDecision();
    this.options.log.info(
      { cameras: config.cameras.length, mqtt: this.telemetry.url, console: this.consoleUrl },
      'ready',
    );
  }

  /**
   * Switches the outputs off, stops the cameras and sends the last messages, in this order. Never
   * throws.
   * @param end.goesOn another agent follows in this process
   */
  stop(end: { goesOn?: boolean } = {}): Promise<void> {
    this.#stopping ??= this.#stopAll(end.goesOn ?? false);
    return this.#stopping;
  }

  /**
   * Switches all outputs off and ends the programs of alerts, synchronously; for the `exit` event of
   * the process.
   */
  outputsOff(): void {
    this.#alerting.allOff();
    this.#alertActions.killNow();
  }

  get operations(): Operations {
    if (!this.#operations) throw new Error('the agent has not started');
    return this.#operations;
  }

  get outputs(): OutputState[] {
    return this.#alerting.outputs;
  }

  /** The alerts that are raised now, the oldest first. */
  get alerts(): RaisedAlert[] {
    return this.#alerting.raised;
  }

  get perception(): Pick<Perception<Frame>, 'backbone' | 'dropped' | 'serving'> {
    return this.#perception;
  }

  /**
   * What this process and its children have written to storage; null: the kernel does not count.
   * It reads the table of processes: not for what is done with every frame or status.
   */
  get written(): Written | null {
    return this.options.writtenBytes.observe(performance.now());
  }

  /**
   * Something failed where nobody waited for it: a defect of headland. It is logged and sent as an event,
   * and the robot goes on. Never throws.
   */
  reportDefect(error: unknown): void {
    const { code, message } = serialiseError(error);
    try {
      this.options.log.error({ code, err: error }, `defect, going on: ${message}`);
      this.telemetry.defect(
        failureMessage(deserialiseError(serialiseError(error)), 'failure', 'critical'),
      );
    } catch {
      // Without memory or files even a report can fail.
    }
  }

  /** Null while the console is not running. */
  get consoleUrl(): string | null {
    return this.#console?.url ?? null;
  }

  // camera → perception
  #seen(frame: Frame): Promise<void> | undefined {
    this.#alertActions.seen(frame, frame.jpeg);
    if (this.pausing.has('inference')) return undefined;
    this.#flow.delivered(performance.now());
    const position = this.position.current();
    if (position !== null) frame.located = { position, atMs: performance.now() };
    return this.#perception.submit(frame);
  }

  #moved(located: Located): void {
    this.#places?.moved(located);
    this.#speeds.fromPosition(located.position.speedMetersPerSecond);
  }

  #writeSightings(): void {
    this.#sightings.flush(performance.now());
  }

  // perception → memory, alerts, telemetry and, at times, a request for a label
  #decided(frame: Frame, perceived: Perceived): void {
    const frameId = `${this.boot}-${eyeOf(frame).replace('/', '.')}-${frame.sequence}`;
    const backboneChecksum = this.#perception.backbone?.checksum ?? null;
    const recent: RecentFrame = { frameId, frame, perceived, backboneChecksum };
    this.recent.add(recent);
    this.statistics.add(perceived.timings.totalMs);
    if (!this.#flow.hasDecided) this.#decidesNow();
    this.#flow.decided();
    this.cameraLoad.decided(frame.camera);
    this.#refusedPictures.used(frame.camera);
    for (const answer of perceived.answers) this.#answered(recent, answer);
    this.emit('decision', recent);
  }

  #answered(recent: RecentFrame, answer: TaskAnswer): void {
    this.statistics.decisions.add(answer);
    const { headVersion, top } = answer.decision;
    // A head of the first labels has passed no gate, so it must not switch outputs.
    if (headVersion !== null || top.length === 0) this.#alerting.observe(recent.frame, answer);
    if (headVersion !== null) this.#sight(recent, answer);
    const sampleId = this.#task(answer.task)?.consider(recent, answer) ?? null;
    this.telemetry.prediction(predictionMessage(recent, answer, sampleId));
  }

  #sight({ frame: { located, capturedAtMs } }: RecentFrame, answer: TaskAnswer): void {
    const { enabled, minProbability } = this.config.position.sightings;
    const { label, probability, guess } = answer.scene ?? answer.decision;
    if (!enabled || located === undefined || label === UNKNOWN_LABEL) return;
    if (guess || probability < minProbability) return;
    this.#sightings.see({ task: answer.task, label, probability, located, capturedAtMs });
  }

  /** Keeps the newest frame of an eye for an alert. @param task null: any that decides on it */
  #keep(eye: Eye, task: string | null): string | null {
    const recent = this.recent.latest(eyeOf(eye), task ?? undefined);
    const answer = recent?.perceived.answers.find((each) => task === null || each.task === task);
    if (!recent || !answer) return null;
    return this.#task(answer.task)?.keep(recent, answer) ?? null;
  }

  /** A cancelled training says nothing about the next. */
  #trained(report: TrainingReport): void {
    const { task, outcome } = report;
    this.#events.trained(report);
    if (outcome === 'cancelled') return;
    this.#alerting.report(
      { condition: 'training_failed', camera: null, task },
      outcome === 'failed',
    );
  }

  #undecodable(frame: Frame, error: HeadlandError): void {
    this.cameras
      .find(({ config }) => config.name === frame.camera)
      ?.supervisor.reportInvalidPicture();
    this.#refused(frame, error);
  }

  #refused(frame: Frame, error: HeadlandError): void {
    this.statistics.refuse();
    this.#flow.interrupted();
    // Cameras occasionally send a damaged picture: it is counted in the status and raises no alarm.
    const isolated = this.#refusedPictures.refused(frame.camera, error);
    this.options.log[isolated ? 'info' : 'debug'](
      { code: error.code, camera: frame.camera, origin: frame.origin },
      `picture refused: ${error.message}`,
    );
  }

  #alarmChanged({ name }: Alarm, raised: boolean): void {
    if (name === 'store' && !raised) void this.#storeRecovered();
    if (raised && explainsNoDecision(name)) this.#watchdog.ready();
    this.#alerting.alarmsChanged(this.alarms.list());
    this.emit('status');
  }

  /** Catches up on work that was skipped while the disk was unavailable. */
  async #storeRecovered(): Promise<void> {
    this.#audit.flush();
    for (const { heads } of this.tasks) await heads.recover();
    this.#labelsChanged();
    for (const task of this.tasks) this.#reportModel(task);
  }

  #trainingObstacle(): HeadlandError | null {
    if (this.pausing.has('training')) return trainingPaused();
    const held = this.disturbance.obstacle();
    if (held) return held;
    return this.#storeWatch.obstacle ?? this.sparing.tooHotToTrain;
  }

  #makeTask(task: TaskState): RobotTask {
    const { name } = task;
    const { log } = this.options;
    const made: RobotTask = new RobotTask({
      state: this.state,
      task,
      perception: this.#perception,
      recent: this.recent,
      telemetry: this.telemetry,
      alarms: this.alarms,
      repeats: this.config.tasks.length > 0 ? this.scheduler.of(name) : this.scheduler,
      audit: this.#audit,
      obstacle: () => this.#trainingObstacle(),
      isHeld: () => this.disturbance.isHeld,
      undisturbed: () => this.disturbance.released(this.#end.signal),
      isPaused: () => this.pausing.has('training'),
      fleet: () => this.fleet?.baseOf(name) ?? null,
      othersTrain: () => this.tasks.some((other) => other !== made && other.training.isBusy),
      cacheDir: () => this.#backbone.cacheDir,
      places: this.#places,
      // A robot without named tasks needs no word for its only one.
      log: this.config.tasks.length > 0 ? log.child({ task: name }) : log,
      events: {
        onServing: (stored) => this.#serving(made, stored),
        onPinned: (version) => this.#pinned(made, version),
        onLearnt: () => this.#learnt(made),
        onProgress: (progress) => this.emit('trainingProgress', name, progress),
        onReport: (report) => {
          this.fleet?.trained(report);
          this.emit('trainingReport', report);
          this.#trained(report);
          // The trainings of other tasks have waited for this one: each gets its turn.
          const turn = this.tasks.indexOf(made);
          const others = [...this.tasks.slice(turn + 1), ...this.tasks.slice(0, turn)];
          for (const other of others) this.#labelsChanged(other);
        },
      },
    });
    return made;
  }

  #operationTask(task: RobotTask): OperationTask {
    const { name, labelling, heads, training, state } = task;
    const onLabel = (): void => this.#labelsChanged(task);
    const onRequest = (sampleId: string): void => task.queue.request(sampleId);
    return { name, labelling, samples: state.samples, heads, training, onLabel, onRequest };
  }

  #task(name: string): RobotTask | undefined {
    return this.tasks.find((task) => task.name === name);
  }

  /** Labels of a task that was renamed or removed in the settings would seem lost. */
  #nameStrayTasks(): void {
    for (const task of this.state.strayTasks()) {
      const { labelled, waiting } = this.state.tasks[0].samples.forTask(task).counts();
      this.options.log.warn(
        { task, labelled, waiting },
        `the store has samples of the task "${task}", which the settings do not name; they are kept`,
      );
    }
  }

  #serving(task: RobotTask, stored: StoredHead | null): void {
    task.log.info({ version: stored?.card.version ?? null }, 'head serving');
    this.#events.serving(task.name, stored);
    this.#reportModel(task);
    this.emit('head', task.name, stored);
  }

  #pinned(task: RobotTask, version: number | null): void {
    task.log.info({ version }, version === null ? 'no head is pinned' : 'head pinned');
    this.#reportModel(task);
    this.emit('status');
  }

  /** The instant learner has changed the serving head. */
  #learnt(task: RobotTask): void {
    const { learnt } = task.instant;
    task.log.info(
      {
        labels: learnt?.labels ?? 0,
        newClasses: learnt?.newClasses ?? [],
        revision: learnt?.revision,
      },
      'learnt new labels',
    );
    this.#reportModel(task);
    this.emit('status');
  }

  #reportModel(task: RobotTask): void {
    this.telemetry.model(modelMessage(modelStatus(task)));
  }

  #measureCameras(): void {
    const { memoryAvailableBytes } = this.sparing.readings();
    this.cameraLoad.measure({
      cameras: this.cameras.map(({ config, supervisor }) => {
        const { name, stillFrames, droppedFrames } = supervisor.state();
        const eyes = eyesOf(config).length;
        const dropped = this.#perception.dropped(name) + droppedFrames * eyes;
        return { name, eyes, still: stillFrames, dropped, waitsAtPerSecond: waitingPace(config) };
      }),
      limitPerSecond: this.sparing.limit.framesPerSecond,
      memoryAvailableBytes,
      disturbed:
        this.pausing.has('inference') ||
        this.tasks.some(({ training }) => training.running !== null),
    });
  }

  #reportMetrics(): void {
    this.telemetry.metrics(metricsMessage(agentStatus(this), this.written));
    this.statistics.resetLoopDelay();
  }

  /** Another process or the end of a lease may have changed it. */
  #checkHolds(): void {
    const holders = this.disturbance
      .holds()
      .map(({ holder }) => holder)
      .join('\n');
    if (holders === this.#holders) return;
    const wasHeld = this.#holders !== '';
    this.#holders = holders;
    this.options.log.info({ holders: holders.split('\n') }, 'who holds the robot has changed');
    this.#holdTrainings();
    this.telemetry.statusChanged();
    if (wasHeld && holders === '') this.#labelsChanged();
  }

  #holdTrainings(): void {
    const reason = this.sparing.hold ?? (this.#holders === '' ? null : 'held');
    for (const { training } of this.tasks) training.pause(reason);
    this.fleet?.hold(reason !== null);
    this.emit('status');
  }

  #pausingChanged(): void {
    this.#flow.interrupted();
    this.telemetry.status(this.pausing.has('inference') ? 'paused' : 'online', this.pausing.paused);
    if (this.pausing.has('training')) this.emit('status');
    else this.#labelsChanged();
  }

  /**
   * Notifies everything that learns from labels. A failure here undoes no label.
   * @param only the task whose labels have changed; default: all tasks
   */
  #labelsChanged(only?: RobotTask): void {
    for (const task of only ? [only] : this.tasks) {
      this.#attempt('process the labels', () => task.labelsChanged());
    }
    this.emit('status');
  }

  /** Gives labels from other processes the same effect as labels given through this daemon. */
  #checkForLabels(): void {
    for (const task of this.tasks) if (task.hasNewLabels) this.#labelsChanged(task);
  }

  async #stopAll(goesOn: boolean): Promise<void> {
    // First: the rest waits for other parts, and no alert expires meanwhile.
    this.#alerting.end();
    if (goesOn) this.#watchdog.pause();
    else this.#watchdog.stopping();
    this.#end.abort();
    await this.#opening;
    // Its work ends at the next sample; the scheduler waits for what is under way.
    this.#embedding.stop();
    await this.#space.stop();
    await this.fleet?.stop();
    await this.scheduler.stop();
    await this.#buttons.stop();
    for (const task of this.tasks) await task.stopLearning();
    this.#trash.stop();
    await this.#sync.stop();
    await this.position.stop();
    this.statistics.stop();
    this.sparing.stop();
    const trainings = this.tasks.map((task) => task.training.stop());
    await Promise.allSettled(this.cameras.map(({ supervisor }) => supervisor.stop()));
    // Its last events must reach the outbox.
    await this.#alertActions.close();
    await this.#consoleService.stop();
    await Promise.allSettled([...trainings, this.#perception.stop(), this.#console?.close()]);
    await this.#backbone.stop();
    await this.doctor.stop();
    this.#attempt('write sightings', () => this.#writeSightings());
    this.#events.flush();
    await this.#safekeeping.stop();
    await this.#storeWatch.stop();
    this.#audit.flush({ isEnd: true });
    await this.telemetry.stop();
    await this.#alerting.close();
    await this.state.database.idle();
    this.state.close();
  }

  #every(intervalMs: number, name: string, what: string, run: () => void): void {
    this.scheduler.every({ name, what, intervalMs, run });
  }

  /** What stands still and only a restart can help. */
  #standstill(): string[] {
    const { busyForMs, downForMs } = this.#perception;
    return standstills({
      busyForMs,
      downForMs,
      undecidedForMs: this.#flow.undecidedForMs(
        performance.now(),
        this.sparing.limit.framesPerSecond,
      ),
      stuckWork: this.scheduler.stuck(),
    });
  }

  /** The start is over once the robot classifies, or says why it cannot. */
  #awaitFirstDecision(): void {
    const isExplained = this.alarms.list().some(({ name }) => explainsNoDecision(name));
    if (this.#flow.hasDecided || isExplained || this.pausing.has('inference')) {
      this.#watchdog.ready();
    }
    const sinceMs = performance.now();
    const waiting = this.scheduler.every({
      name: 'first-decision',
      what: 'look for the first decision',
      intervalMs: 1_000,
      run: () => {
        if (this.#flow.hasDecided) void waiting.stop();
        else if (this.pausing.has('inference')) this.#watchdog.ready();
        else if (performance.now() - sinceMs >= FIRST_DECISION_MS) {
          this.alarms.raise('frames', nothingDecided(), 'critical');
        }
      },
    });
  }

  #decidesNow(): void {
    this.alarms.clear('frames');
    this.#watchdog.ready();
  }

  /** What follows from a frame must not keep the next one back. */
  #surely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.reportDefect(error);
    }
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

/** Alarms with which a robot may be up although it has decided on no frame. */
function explainsNoDecision(name: Alarm['name']): boolean {
  return name === 'frames' || name === 'backbone' || /^(cameras$|camera-|pictures-)/.test(name);
}

function nothingDecided(): HeadlandError {
  return new HeadlandError(
    'HL_NO_FRAME_DECIDED',
    `no frame was decided in the ${FIRST_DECISION_MS / 1_000} s since the start`,
    {
      remedy:
        'Run `headland status`: it lists the cameras and what they deliver. Then run `headland doctor`.',
    },
  );
}
