import type { AlarmSwitch } from '../base/alarms.js';
import type { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { dateOf } from '../base/moment.js';
import { eyeOf } from '../base/words/eye.js';
import { UNKNOWN_LABEL } from '../base/words/label.js';
import type { Config } from '../config/schema.js';
import type { OutboxClass } from '../storage/outbox-table.js';
import { CommandDesk, type CommandHandler } from './commands/command-desk.js';
import type { CommandGuard } from './commands/command-guard.js';
import type { MissingFeature } from './connection/broker-limits.js';
import type { BrokerAccess, Publication, TopicSubscription } from './connection/connection.js';
import { Link } from './connection/link.js';
import { PACKET_OVERHEAD_BYTES, Sender } from './connection/sender.js';
import { COMMAND_NAMES, type CommandAnswer } from './contract/command-contract.js';
import { Composer } from './contract/composer.js';
import {
  type CameraQualityBody,
  type EventBody,
  type InfoBody,
  type MessageName,
  type MetricsBody,
  type ModelBody,
  type PredictionBody,
  type StatusBody,
  type TrainingProgressBody,
  type TrainingReportBody,
  topicPrefix,
} from './contract/messages.js';
import {
  CONTRACT,
  commandTopic,
  type Guarantees,
  messageTopic,
  pictureTopic,
  type RouteName,
} from './contract/topics.js';
import { UnknownShare } from './homeassistant/unknown-share.js';
import type { Outbox, OutboxMessage } from './outbox/outbox.js';
import { ownMetrics, type TelemetryStats } from './outbox/telemetry-statistics.js';

/** Upper bound of the topic, correlation data and properties of an answer. */
const RESPONSE_OVERHEAD_BYTES = 1_024;
const RENEW_TIMEOUT_MS = 5_000;

/** The connection to the broker, for a status. */
export interface BrokerView {
  /** Of the newest attempt, null before the first. */
  url: string | null;
  connected: boolean;
  /** Null while not connected. */
  protocol: '5' | '3.1.1' | null;
  /** Why there is no connection; null: there is one, or nothing has been tried yet. */
  problem: HeadlandError | null;
  /** What the broker lacks, such as `retained_messages`. */
  missing: readonly MissingFeature[];
}

export interface TelemetryClientOptions {
  robotId: string;
  /** Whether the settings name tasks, so that topics name them, too. */
  namedTasks: boolean;
  /** Differs on every start of the daemon. */
  boot: string;
  settings: Config['mqtt'];
  /** Address and secrets of the broker; called for every connection. */
  access: () => BrokerAccess;
  outbox: Outbox;
  alarms: AlarmSwitch;
  log: Log;
  /** QoS, retain flag and expiry of every kind; default {@link CONTRACT}. */
  guarantees?: Guarantees;
  /** Checks signatures and repeats of commands; absent: no command is signed. */
  guard?: CommandGuard;
  /** Called with refused commands, at most 60 a minute. @param suppressed those before it without a call */
  onRefused?: (name: string, error: HeadlandError, suppressed: number) => void;
}

/**
 * The robot's MQTT client. Status, info and model are published again after every reconnect.
 * Events, reports, metrics and answers go through the durable outbox. Predictions and training
 * progress are sent once, and only while connected. No method throws: telemetry must never stop the
 * work it reports on.
 */
export class TelemetryClient {
  readonly #options: TelemetryClientOptions;
  readonly #prefix: string;
  readonly #guarantees: Guarantees;
  readonly #link: Link;
  readonly #sender: Sender;
  readonly #desk: CommandDesk;
  readonly #composer: Composer;
  readonly #log: Log;
  readonly #unknownShare = new UnknownShare();
  readonly #lastPredictionMs = new Map<string, number>();
  readonly #topics: TopicSubscription[] = [];
  #onReady: () => void = () => {};
  #handler: CommandHandler | null = null;
  #status: () => StatusBody;
  #predictionsSent = 0;
  #predictionsDropped = 0;

  constructor(options: TelemetryClientOptions) {
    const { settings, robotId, outbox, alarms, log } = options;
    this.#options = options;
    this.#log = log;
    this.#prefix = topicPrefix(robotId);
    this.#guarantees = options.guarantees ?? CONTRACT;
    this.#composer = new Composer(options.boot, log);
    const startedMs = performance.now();
    this.#status = () => {
      const since = new Date(dateOf(startedMs)).toISOString();
      return { state: 'online', since, reason: null, paused: [] };
    };
    this.#link = new Link({
      access: options.access,
      clientId: settings.clientId ?? `headland-${robotId}`,
      settings,
      alarms,
      subscription: {
        filter: this.#prefix + commandTopic('+'),
        topics: COMMAND_NAMES.map((name) => this.#prefix + commandTopic(name)),
        qos: this.#guarantees.command.qos,
      },
      topics: () => this.#topics,
      log,
      will: (session) => this.#lastWill(session),
      onReady: () => {
        this.#sender.connected();
        this.#onReady();
      },
      onLost: () => this.#sender.disconnected(),
      onCommand: (command) => void this.#desk.receive(command),
    });
    this.#sender = new Sender({
      outbox,
      maxInFlight: settings.maxInFlight,
      retryMs: settings.backoffMaxMs,
      connection: () => this.#link.ready,
      alarms,
      log,
    });
    this.#desk = new CommandDesk({
      robotId,
      maxBytes: settings.commandMaxBytes,
      perMinute: settings.commandsPerMinute,
      ...(options.guard ? { guard: options.guard } : {}),
      handler: () => this.#handler,
      answer: (topic, correlation, answer) => this.#answer(topic, correlation, answer),
      refused: (error, name, suppressed) => this.#reportRefusal(error, name, suppressed),
    });
    this.#publishState('status', () => this.#status());
    if (options.namedTasks) this.#withdrawUnnamedModel();
  }

  get connected(): boolean {
    return this.#link.ready !== null;
  }

  get broker(): BrokerView {
    const { url, ready, problem, missing } = this.#link;
    const protocol = ready && (ready.protocolVersion === 5 ? '5' : '3.1.1');
    return { url, connected: ready !== null, protocol, problem, missing };
  }

  /** Connects again, with what `access` gives now. */
  async renew(): Promise<void> {
    await this.#link.renew(RENEW_TIMEOUT_MS);
  }

  /** Starts connecting; returns at once. */
  start(): void {
    this.#link.start();
  }

  /**
   * Sends what is ready, publishes `offline` and disconnects. Unsent messages stay in the outbox.
   * @param timeoutMs limit of the whole call, default 1500
   */
  async stop({ timeoutMs = 1_500 }: { timeoutMs?: number } = {}): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    const leftMs = () => Math.max(1, deadlineMs - performance.now());
    this.#options.outbox.flush();
    if (this.connected) {
      await this.#sender.drained(leftMs() / 2);
      const since = new Date().toISOString();
      this.publishStatus(() => ({ state: 'offline', since, reason: 'stopped', paused: [] }));
      await this.#sender.drained(leftMs() * 0.75);
    }
    await this.#link.stop(leftMs());
    this.#sender.disconnected();
    this.#options.outbox.flush();
  }

  /** Sends what waits and may be sent now. */
  tend(): void {
    this.#sender.pump();
  }

  /** Sets the handler of commands; without one they are answered HL_COMMAND_UNAVAILABLE. */
  onCommand(handler: CommandHandler): void {
    this.#handler = handler;
  }

  /** @param compose called for every publication, also after a reconnect */
  publishStatus(compose: () => StatusBody): void {
    this.#status = compose;
    this.#publishState('status', () => this.#status());
  }

  publishInfo(info: InfoBody): void {
    this.#publishState('info', () => info);
  }

  /** Reads further topics; call it before {@link start}. @param topic full, without wildcards */
  subscribe(subscription: TopicSubscription): void {
    this.#topics.push(subscription);
  }

  /** Sets the function to call whenever a connection has become ready to publish. */
  whenReady(onReady: () => void): void {
    this.#onReady = onReady;
  }

  /** A retained message that the contract of telemetry does not name; sent after every reconnect. */
  publishRetained(topic: string, payload: () => Uint8Array): void {
    this.#sender.state(topic, () => ({ topic, payload: payload(), qos: 1, retain: true }));
  }

  /** Sends a message of QoS 1 once. @returns false: not now */
  sendOnce(topic: string, payload: Uint8Array): boolean {
    return this.#sender.once(1, () => ({ topic, payload, qos: 1, retain: false }));
  }

  /**
   * The largest payload on a topic that the broker takes, bytes; infinite while there is no
   * connection.
   */
  maxPayloadBytes(topic: string): number {
    const maxBytes = this.#link.ready?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    return maxBytes - Buffer.byteLength(topic) - PACKET_OVERHEAD_BYTES;
  }

  /** The newest of each task is kept. */
  publishModel(model: ModelBody): void {
    this.#publishState('model', () => model, `model ${model.task}`);
  }

  /**
   * Tells Home Assistant about the robot; after every reconnect again.
   * @param config null: takes the device back
   * @param onAcknowledged the broker has it, and all withdrawals before it
   */
  publishDiscovery(
    topic: string,
    config: Record<string, unknown> | null,
    onAcknowledged: () => void,
  ): void {
    const payload = config === null ? new Uint8Array() : Buffer.from(JSON.stringify(config));
    const key = `discovery ${topic}`;
    this.#sender.state(key, () => ({ topic, payload, qos: 1, retain: true }), onAcknowledged);
  }

  /** A broker may still keep a picture that is published no longer. @param topic whole */
  withdrawPicture(topic: string): void {
    this.#sender.state(`no ${topic}`, () => this.#guaranteed('picture', topic, new Uint8Array()));
  }

  /**
   * @param jpeg small: it waits in the memory of the socket
   * @returns false when it was not sent: no connection, or a slow link; the next one supersedes it
   */
  picture(camera: string, jpeg: Uint8Array): boolean {
    const topic = this.#prefix + pictureTopic(camera);
    return this.#sender.once(this.#guarantees.picture.qos, () =>
      this.#guaranteed('picture', topic, jpeg),
    );
  }

  /** A broker may still keep the model from before the settings named tasks. */
  #withdrawUnnamedModel(): void {
    const topic = this.#prefix + messageTopic('model', null);
    this.#sender.state('model', () => this.#guaranteed('model', topic, new Uint8Array()));
  }

  /** @returns false when it was not sent: no connection, a slow link, or `predictionIntervalMs` */
  prediction(prediction: PredictionBody): boolean {
    const { predictionIntervalMs } = this.#options.settings;
    const nowMs = performance.now();
    const { task, camera, region = null } = prediction;
    const share = this.#unknownShare.add(task, prediction.label === UNKNOWN_LABEL);
    const stream = `${task} ${eyeOf({ camera, region })}`;
    const lastMs = this.#lastPredictionMs.get(stream);
    if (lastMs !== undefined && nowMs - lastMs < predictionIntervalMs) return false;
    const sent = this.#sendOnce('prediction', { ...prediction, unknown_share: share });
    if (sent) this.#lastPredictionMs.set(stream, nowMs);
    if (sent) this.#predictionsSent++;
    else this.#predictionsDropped++;
    return sent;
  }

  /** @returns false when it was not sent; the next one supersedes it */
  trainingProgress(progress: TrainingProgressBody): boolean {
    return this.#sendOnce('training_progress', progress);
  }

  /** Durable when this returns true; see {@link Outbox.enqueue}. */
  event(event: EventBody): boolean {
    return this.#sendSurely('event', 'event', event);
  }

  /** Durable when this returns true. */
  trainingReport(report: TrainingReportBody): boolean {
    return this.#sendSurely('training_report', 'report', report);
  }

  /** Adds the counters of telemetry itself. Not durable before the next commit of the outbox. */
  metrics(metrics: MetricsBody): boolean {
    return this.#sendSurely('metrics', 'metrics', { ...metrics, ...ownMetrics(this.stats()) });
  }

  /** Committed like metrics, and dropped together with them from a full outbox. */
  cameraQuality(quality: CameraQualityBody): boolean {
    return this.#sendSurely('camera_quality', 'metrics', quality);
  }

  /** Share of the last predictions of a task that were `unknown`, 0..1; null: there was none. */
  unknownShare(task: string): number | null {
    return this.#unknownShare.of(task);
  }

  stats(): TelemetryStats {
    const { accepted, refused } = this.#desk.counts;
    return {
      connected: this.connected,
      protocolVersion: this.#link.ready?.protocolVersion ?? null,
      sessions: this.#link.session,
      lastEnd: this.#link.lastEnd,
      predictionsSent: this.#predictionsSent,
      predictionsDropped: this.#predictionsDropped,
      messagesInvalid: this.#composer.invalid,
      commandsAccepted: accepted,
      commandsRefused: refused,
      outbox: this.#options.outbox.stats(),
    };
  }

  #publishState(name: 'status' | 'info' | 'model', body: () => object, key: string = name): void {
    this.#sender.state(key, () => {
      const session = name === 'status' ? { session: this.#link.session } : {};
      return this.#publication(name, { ...body(), ...session });
    });
  }

  #sendOnce(name: 'prediction' | 'training_progress', body: object): boolean {
    return this.#sender.once(this.#guarantees[name].qos, () => this.#publication(name, body));
  }

  #sendSurely(name: MessageName, outboxClass: OutboxClass, body: object): boolean {
    const publication = this.#publication(name, body);
    return publication !== null && this.#enqueue({ ...publication, class: outboxClass });
  }

  /** Composes a message; null when it violates the contract. */
  #publication(name: MessageName, body: object): Publication | null {
    const payload = this.#composer.message(name, body);
    const { task } = body as { task?: string };
    const named = this.#options.namedTasks && task !== undefined ? task : null;
    return payload && this.#guaranteed(name, this.#prefix + messageTopic(name, named), payload);
  }

  #guaranteed(name: RouteName, topic: string, payload: Uint8Array): Publication {
    const { qos, retain, expirySeconds } = this.#guarantees[name];
    const seconds =
      expirySeconds === 'mqtt.outboxMaxAgeMs'
        ? Math.ceil(this.#options.settings.outboxMaxAgeMs / 1_000)
        : expirySeconds;
    return { topic, payload, qos, retain, ...(seconds === null ? {} : { expirySeconds: seconds }) };
  }

  #enqueue(message: OutboxMessage): boolean {
    const { outbox } = this.#options;
    const { topic } = message;
    const outcome = outbox.enqueue(message);
    if (outcome === 'too large') {
      this.#log.error(
        { code: 'HL_OUTBOX_MESSAGE_TOO_LARGE', topic },
        'dropped a message larger than mqtt.outboxMaxBytes',
      );
    }
    if (outcome === 'invalid') {
      this.#log.error(
        { code: 'HL_MESSAGE_INVALID', topic },
        'dropped a message with a value that the database cannot store: a defect in headland',
      );
    }
    this.#sender.pump();
    return outcome === 'stored';
  }

  #lastWill(session: number): Publication {
    const will = { state: 'offline', since: null, reason: 'connection_lost', paused: [], session };
    const payload = this.#composer.message('status', will) ?? Buffer.from('{}');
    return this.#guaranteed('status', this.#prefix + messageTopic('status', null), payload);
  }

  #answer(topic: string, correlation: Uint8Array | undefined, answer: CommandAnswer): void {
    let payload = this.#composer.response(answer);
    const limitBytes = Math.min(
      (this.#link.ready?.maximumPacketSize ?? Number.POSITIVE_INFINITY) - RESPONSE_OVERHEAD_BYTES,
      this.#options.settings.outboxMaxBytes / 2,
    );
    if (payload.byteLength > limitBytes) {
      payload = this.#composer.tooLarge(answer, payload.byteLength, limitBytes);
    }
    this.#enqueue({
      ...this.#guaranteed('response', topic, payload),
      class: 'result',
      ...(correlation === undefined ? {} : { correlation }),
    });
  }

  #reportRefusal(error: HeadlandError, name: string, suppressed: number): void {
    this.#options.onRefused?.(name, error, suppressed);
    this.#log.warn({ code: error.code, command: name }, `command refused: ${error.message}`);
    this.event({
      kind: 'command_refused',
      severity: 'warning',
      message: error.message.slice(0, 1_024),
      code: error.code,
      details: { command: name, remedy: error.remedy, suppressed },
    });
  }
}
