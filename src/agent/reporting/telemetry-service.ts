import { readFileSync } from 'node:fs';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import { readSecret, readSecretText } from '../../config/secrets.js';
import type { Database } from '../../storage/database.js';
import type { EmbeddedBroker } from '../../telemetry/broker/embedded-broker.js';
import type { CommandHandler } from '../../telemetry/commands/command-desk.js';
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
import { TelemetryClient } from '../../telemetry/telemetry-client.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { trainingProgressMessage, trainingReportMessage } from '../learning/training-messages.js';

/** Faults that can come with every frame are reported at most this often. */
const REPEATED_EVENT_INTERVAL_MS = 10_000;
const STOP_TIMEOUT_MS = 1_000;

export interface TelemetryServiceOptions {
  boot: string;
  environment: NodeJS.ProcessEnv;
  database: Database;
  log: Log;
}

/** The daemon's voice: the MQTT client with its outbox, and the broker when none is configured. */
export class TelemetryService {
  readonly #outbox: Outbox;
  #client: TelemetryClient | null = null;
  #broker: EmbeddedBroker | null = null;
  #state: StatusBody['state'] | null = null;
  #stateSinceMs = 0;
  readonly #lastRepeatedAtMs = new Map<string, number>();

  constructor(
    private readonly config: Config,
    private readonly options: TelemetryServiceOptions,
  ) {
    const { outboxMaxBytes, outboxMaxAgeMs, maxInFlight } = config.mqtt;
    this.#outbox = new Outbox(options.database, {
      maxBytes: outboxMaxBytes,
      maxAgeMs: outboxMaxAgeMs,
      maxInFlight,
    });
  }

  /**
   * Starts the embedded broker when none is configured, and begins to connect; does not wait for
   * the broker to be there.
   * @throws HeadlandError HL_BROKER_PORT_IN_USE, HL_SECRET_…, HL_MQTT_TLS_FILE
   */
  async start(handler: CommandHandler): Promise<void> {
    const { mqtt, embeddedBroker, robot } = this.config;
    const { boot, environment, log } = this.options;
    if (mqtt.url === null) {
      // Loaded only where it is wanted: most robots have a broker elsewhere.
      const { startEmbeddedBroker } = await import('../../telemetry/broker/embedded-broker.js');
      this.#broker = await startEmbeddedBroker({ ...embeddedBroker, log });
    }
    const password = readSecretText(mqtt.password, environment);
    const key = readSecret(mqtt.key, environment);
    const client = new TelemetryClient({
      robotId: robot.id,
      boot,
      // The embedded broker speaks 3.1.1 only: asking it for 5 first costs a refusal.
      settings: this.#broker && mqtt.protocol === 'auto' ? { ...mqtt, protocol: '3.1.1' } : mqtt,
      brokerUrl: this.url,
      credentials: {
        ...(password === null ? {} : { password }),
        ...(key === null ? {} : { key }),
        ...(mqtt.caFile === null ? {} : { ca: readTlsFile(mqtt.caFile) }),
        ...(mqtt.certFile === null ? {} : { cert: readTlsFile(mqtt.certFile) }),
      },
      outbox: this.#outbox,
      log,
    });
    client.onCommand(handler);
    this.#client = client;
    await client.start();
  }

  async stop(): Promise<void> {
    await this.#client?.stop({ timeoutMs: STOP_TIMEOUT_MS });
    this.#outbox.close();
    await this.#broker?.close();
  }

  /** Where the broker is: the configured one, else the embedded one. */
  get url(): string {
    return this.config.mqtt.url ?? this.#broker?.url ?? '';
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  status(state: StatusBody['state'], paused: StatusBody['paused']): void {
    if (state !== this.#state) this.#stateSinceMs = Date.now();
    this.#state = state;
    const since = new Date(this.#stateSinceMs).toISOString();
    this.#client?.publishStatus({ state, since, reason: null, paused });
  }

  info(body: InfoBody): void {
    this.#client?.publishInfo(body);
  }

  model(body: ModelBody): void {
    this.#client?.publishModel(body);
  }

  event(body: EventBody): void {
    this.#client?.event(body);
  }

  prediction(body: PredictionBody): void {
    this.#client?.prediction(body);
  }

  metrics(body: MetricsBody): void {
    this.#client?.metrics(body);
  }

  cameraQuality(body: CameraQualityBody): void {
    this.#client?.cameraQuality(body);
  }

  trainingProgress(progress: TrainingProgress, trainingId: string): void {
    this.#client?.trainingProgress(trainingProgressMessage(progress, trainingId));
  }

  trainingReport(report: TrainingReport): void {
    this.#client?.trainingReport(trainingReportMessage(report));
  }

  pictureRefused(body: EventBody): void {
    this.#repeated('picture', body);
  }

  storeRefused(body: EventBody): void {
    this.#repeated('store', body);
  }

  learningFailed(body: EventBody): void {
    this.#repeated('learning', body);
  }

  #repeated(what: string, body: EventBody): void {
    const nowMs = performance.now();
    const lastMs = this.#lastRepeatedAtMs.get(what) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - lastMs < REPEATED_EVENT_INTERVAL_MS) return;
    this.#lastRepeatedAtMs.set(what, nowMs);
    this.event(body);
  }
}

function readTlsFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new HeadlandError('HL_MQTT_TLS_FILE', `cannot read ${path}: ${messageOf(error)}`, {
      remedy: 'Correct mqtt.caFile or mqtt.certFile, or make the file readable for the daemon.',
      cause: error,
    });
  }
}
