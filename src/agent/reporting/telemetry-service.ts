import type { Alarms } from '../../base/alarms.js';
import { HeadlandError } from '../../base/errors.js';
import type { Position } from '../../base/geo/position.js';
import type { Log } from '../../base/log.js';
import { Moment } from '../../base/moment.js';
import { SideService } from '../../base/side-service.js';
import type { Config } from '../../config/schema.js';
import type { FleetLink } from '../../fleet/robot/fleet-ports.js';
import { clockState, isDateSynchronized } from '../../host/board-readings.js';
import { CommandLedger } from '../../storage/commands/command-ledger.js';
import type { Database } from '../../storage/database.js';
import { Meta } from '../../storage/meta-table.js';
import type { OutboxClass } from '../../storage/outbox-table.js';
import type { EmbeddedBroker } from '../../telemetry/broker/embedded-broker.js';
import type { CommandHandler } from '../../telemetry/commands/command-desk.js';
import { CommandGuard } from '../../telemetry/commands/command-guard.js';
import type { BrokerAccess } from '../../telemetry/connection/connection.js';
import type {
  CameraQualityBody,
  EventBody,
  InfoBody,
  MetricsBody,
  ModelBody,
  PredictionBody,
  StatusBody,
} from '../../telemetry/contract/messages.js';
import { Outbox } from '../../telemetry/outbox/outbox.js';
import type { TelemetryStats } from '../../telemetry/outbox/telemetry-statistics.js';
import { type BrokerView, TelemetryClient } from '../../telemetry/telemetry-client.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { trainingProgressMessage, trainingReportMessage } from '../learning/training-messages.js';
import { brokerCredentials } from './broker-access.js';
import { CredentialsWatch } from './credentials-watch.js';
import { HomeAssistant } from './home-assistant.js';
import { positionMessage } from './position-message.js';

const FAILURE_EVENT_INTERVAL_MS = 10_000;
const STOP_TIMEOUT_MS = 1_000;
const HOST = '127.0.0.1';

export interface TelemetryServiceOptions {
  boot: string;
  environment: NodeJS.ProcessEnv;
  database: Database;
  alarms: Pick<Alarms, 'raise' | 'clear' | 'list'>;
  /** Where the robot is; null: not known. Absent: never known. */
  position?: () => Position | null;
  /** Names of those who hold the robot. */
  heldBy?: () => string[];
  onRefused?: (name: string, error: HeadlandError, suppressed: number) => void;
  /** Called with every event, whether or not a broker ever gets it. */
  onEvent?: (body: EventBody) => void;
  log: Log;
}

/** The MQTT client with its outbox, and the embedded broker when no other is configured. */
export class TelemetryService {
  readonly #outbox: Outbox;
  readonly #client: TelemetryClient;
  readonly #credentials: CredentialsWatch;
  readonly #homeAssistant: HomeAssistant;
  #broker: EmbeddedBroker | null = null;
  #brokerService: SideService | null = null;
  #state: StatusBody['state'] | null = null;
  #stateSince = new Moment();
  #paused: StatusBody['paused'] = [];
  #learningFailedMs = Number.NEGATIVE_INFINITY;
  #defectMs = Number.NEGATIVE_INFINITY;
  #lossesTold = 0;

  constructor(
    private readonly config: Config,
    private readonly options: TelemetryServiceOptions,
  ) {
    const { mqtt, robot } = config;
    const { boot, database, alarms, log } = options;
    this.#outbox = new Outbox(database, {
      maxBytes: mqtt.outboxMaxBytes,
      maxAgeMs: mqtt.outboxMaxAgeMs,
      maxInFlight: mqtt.maxInFlight,
      classes: mqtt.outboxClasses,
      clocks: { isDateTrusted: () => isDateSynchronized() },
    });
    this.#credentials = new CredentialsWatch(() =>
      brokerCredentials(config.mqtt, options.environment),
    );
    this.#client = new TelemetryClient({
      robotId: robot.id,
      namedTasks: config.tasks.length > 0,
      boot,
      settings: mqtt,
      access: () => this.#access(),
      outbox: this.#outbox,
      guard: new CommandGuard({
        robotId: robot.id,
        boot,
        ledger: new CommandLedger(database),
        settingsKeys: mqtt.commandKeys,
        requireSignature: mqtt.requireSignedCommands,
        wallMs: () => (clockState() === 'unset' ? null : Date.now()),
      }),
      ...(options.onRefused ? { onRefused: options.onRefused } : {}),
      alarms,
      log,
    });
    this.#homeAssistant = new HomeAssistant(config, this.#client, new Meta(database));
  }

  /**
   * Starts the embedded broker when no other is configured, and starts connecting, without waiting for
   * the connection. A broker that cannot start and secrets that cannot be read raise an alarm and are
   * retried.
   */
  async start(handler: CommandHandler): Promise<void> {
    this.#client.onCommand(handler);
    if (this.config.mqtt.url !== null) {
      this.#client.start();
      return;
    }
    this.#brokerService = new SideService({
      alarm: 'broker',
      alarms: this.options.alarms,
      open: () => this.#startBroker(),
    });
    await this.#brokerService.start();
  }

  async stop(): Promise<void> {
    await this.#brokerService?.stop();
    await this.#client.stop({ timeoutMs: STOP_TIMEOUT_MS });
    this.#outbox.close();
    await this.#broker?.close();
  }

  /** Writes and sends what waits, should nothing else have caused it. */
  tend(): void {
    this.#client.tend();
    this.#tellLosses();
  }

  /**
   * Connects again if the files of certificates, key or password have changed. Changed files that cannot
   * be used raise the alarm `mqtt`; the connection stays.
   */
  async tendCredentials(): Promise<void> {
    const outcome = this.#credentials.check();
    if (outcome === null) return;
    if (outcome === 'changed') await this.#client.renew();
    else this.options.alarms.raise('mqtt', outcome.error);
  }

  /** The connection, with the URL of the broker that is or was tried last, else of the first. */
  get broker(): BrokerView & { url: string } {
    const { broker } = this.#client;
    return { ...broker, url: broker.url ?? this.#firstUrl };
  }

  /** URL of the first configured broker, else of the embedded one, even before it has started. */
  get #firstUrl(): string {
    const { mqtt, embeddedBroker } = this.config;
    return mqtt.url ?? this.#broker?.url ?? `mqtt://${HOST}:${embeddedBroker.port}`;
  }

  get url(): string {
    return this.broker.url;
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** Messages that the broker has not acknowledged. */
  get waitingMessages(): number {
    return this.#outbox.waiting;
  }

  /** Messages that were dropped since the start before they could be sent, by class. */
  get droppedMessages(): Readonly<Record<OutboxClass, number>> {
    return this.#outbox.dropped;
  }

  /** Counters are totals since the start of the daemon. */
  statistics(): TelemetryStats {
    return this.#client.stats();
  }

  status(state: StatusBody['state'], paused: StatusBody['paused']): void {
    if (state !== this.#state) this.#stateSince = new Moment();
    this.#state = state;
    this.#paused = paused;
    this.#client.publishStatus(() => this.#statusBody(state));
  }

  /** Publishes the status with the current alarms and holds. */
  statusChanged(): void {
    if (this.#state !== null) this.status(this.#state, this.#paused);
  }

  info(body: InfoBody): void {
    this.#homeAssistant.info(body);
    this.#client.publishInfo(body);
  }

  model(body: ModelBody): void {
    this.#homeAssistant.model(body);
    this.#client.publishModel(body);
  }

  /** Adds where the robot is. */
  event(body: EventBody): void {
    this.options.onEvent?.(body);
    const position = this.options.position?.() ?? null;
    this.#client.event(position === null ? body : { ...body, position: positionMessage(position) });
  }

  prediction(body: PredictionBody): void {
    this.#client.prediction(body);
  }

  /** @returns false when it was not sent: no connection, or a slow link */
  picture(camera: string, jpeg: Uint8Array): boolean {
    return this.#client.picture(camera, jpeg);
  }

  metrics(body: MetricsBody): void {
    this.#client.metrics(body);
  }

  cameraQuality(body: CameraQualityBody): void {
    this.#client.cameraQuality(body);
  }

  trainingProgress(progress: TrainingProgress, task: string, trainingId: string): void {
    this.#client.trainingProgress(trainingProgressMessage(progress, task, trainingId));
  }

  /** The connection, for what the contract of telemetry does not name: the fleet. */
  get fleetLink(): FleetLink {
    const client = this.#client;
    const outbox = this.#outbox;
    const { alarms } = this.options;
    return {
      subscribe: (topic, onMessage) =>
        client.subscribe({
          topic,
          qos: 1,
          onMessage,
          onSubscribed: (refusal) => {
            if (refusal === null) alarms.clear('mqtt-fleet');
            else alarms.raise('mqtt-fleet', subscriptionRefused(topic, refusal));
          },
        }),
      whenReady: (onReady) => client.whenReady(onReady),
      publishRetained: (topic, payload) => client.publishRetained(topic, payload),
      sendOnce: (topic, payload) => client.sendOnce(topic, payload),
      replace: (subject, messages) => outbox.replace('fleet', subject, messages),
      waitingOf: (subject) => outbox.waitingOf('fleet', subject),
      maxPayloadBytes: (topic) => client.maxPayloadBytes(topic),
    };
  }

  unknownShare(task: string): number | null {
    return this.#client.unknownShare(task);
  }

  trainingReport(report: TrainingReport): void {
    this.#client.trainingReport(trainingReportMessage(report));
  }

  /** Sends at most one event in ten seconds, because every label may cause a failure. */
  learningFailed(body: EventBody): void {
    const nowMs = performance.now();
    if (nowMs - this.#learningFailedMs < FAILURE_EVENT_INTERVAL_MS) return;
    this.#learningFailedMs = nowMs;
    this.event(body);
  }

  /** Sends at most one event in ten seconds, because every frame may show the same defect. */
  defect(body: EventBody): void {
    const nowMs = performance.now();
    if (nowMs - this.#defectMs < FAILURE_EVENT_INTERVAL_MS) return;
    this.#defectMs = nowMs;
    this.event(body);
  }

  /** The alarm lasts until everything that waits has been sent. */
  #tellLosses(): void {
    const { lostToLimits, waiting, dropped } = this.#outbox;
    if (lostToLimits > this.#lossesTold) {
      this.#lossesTold = lostToLimits;
      this.options.alarms.raise('outbox', messagesDropped(dropped));
    } else if (waiting === 0) {
      this.options.alarms.clear('outbox');
    }
  }

  #statusBody(state: StatusBody['state']): StatusBody {
    const held = this.options.heldBy?.() ?? [];
    return {
      state,
      since: new Date(this.#stateSince.dateMs()).toISOString(),
      reason: null,
      paused: this.#paused,
      ...(held.length > 0 ? { held_by: held } : {}),
      alarms: this.options.alarms.list().map(({ name, error }) => {
        return { alarm: name, code: error.code };
      }),
    };
  }

  async #startBroker(): Promise<void> {
    const { embeddedBroker } = this.config;
    // Loaded on demand: most robots use an external broker.
    const { startEmbeddedBroker } = await import('../../telemetry/broker/embedded-broker.js');
    this.#broker = await startEmbeddedBroker({ ...embeddedBroker, log: this.options.log });
    this.options.log.info({ url: this.#broker.url }, 'embedded broker started');
    this.#client.start();
  }

  /** @throws HeadlandError HL_SECRET_…, HL_MQTT_TLS_FILE */
  #access(): BrokerAccess {
    const credentials = brokerCredentials(this.config.mqtt, this.options.environment);
    return { url: this.#firstUrl, otherUrls: this.config.mqtt.otherUrls, credentials };
  }
}

function subscriptionRefused(topic: string, refusal: string): HeadlandError {
  return new HeadlandError(
    'HL_BROKER_SUBSCRIPTION_REFUSED',
    `the broker refuses the subscription to ${topic}: ${refusal}`,
    {
      remedy: `Allow the robot to read ${topic} in the access list of the broker.`,
      details: { filter: topic },
    },
  );
}

function messagesDropped(dropped: Readonly<Record<OutboxClass, number>>): HeadlandError {
  const counts = Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`);
  return new HeadlandError(
    'HL_OUTBOX_DROPPED',
    `messages were dropped before the broker had them, since the start: ${counts.join(', ')}`,
    {
      remedy:
        'Make the broker reachable again, or raise mqtt.outboxMaxBytes, mqtt.outboxMaxAgeMs or the limits of the class in mqtt.outboxClasses.',
      details: { dropped: { ...dropped } },
    },
  );
}
