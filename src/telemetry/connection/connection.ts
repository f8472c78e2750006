import {
  connect,
  ErrorWithSubackPacket,
  type IClientOptions,
  type IPublishPacket,
  type MqttClient,
} from 'mqtt';
import type { Config } from '../../config/schema.js';
import type { IncomingCommand } from '../commands/command-desk.js';
import type { QoS } from '../contract/topics.js';
import { type BrokerLimits, brokerLimits, NO_LIMITS } from './broker-limits.js';
import { type ReasonDetails, type ServerReason, serverReason } from './server-reason.js';
import type { SessionStart } from './session-rescue.js';
import type { TlsFiles } from './tls-files.js';

const CONNECT_TIMEOUT_MS = 15_000;
/** Limits the memory that a sender of commands can occupy; mqtt.commandMaxBytes is far lower. */
const INCOMING_MAX_BYTES = 4_194_304;
const INCOMING_MAX_MESSAGES = 16;
/** Reason codes from here on are refusals. */
export const REFUSED = 0x80;
const SESSION_TAKEN_OVER = 0x8e;
/** Largest value of MQTT's four-byte expiry. */
const EXPIRY_MAX_SECONDS = 0xffff_ffff;

/** Secrets and certificates, read by the caller. */
export interface BrokerCredentials extends TlsFiles {
  password?: string | Buffer;
}

/** Address of the broker and the credentials for it. */
export interface BrokerAccess {
  /** mqtt://, mqtts://, ws:// or wss:// */
  url: string;
  /** Brokers to try in turn while those before cannot be used, with the same credentials. */
  otherUrls?: readonly string[];
  credentials: BrokerCredentials;
}

export interface Publication {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  /** Message expiry (MQTT 5), seconds. */
  expirySeconds?: number;
  /** Correlation data (MQTT 5). */
  correlation?: Uint8Array;
}

/** Why a connection ended. */
export interface ConnectionEnd {
  /**
   * `version`: the broker refuses this protocol version; `silent`: it accepted the TCP connection
   * and closed it without a CONNACK; `refused`: its CONNACK is a refusal; `unreachable`: no network
   * connection; `lost`: an established connection ended; `taken-over`: the broker ended it because
   * another client with this id connected.
   */
  kind: 'version' | 'silent' | 'refused' | 'unreachable' | 'lost' | 'taken-over';
  message: string;
  /** The broker closed the connection without a reason. */
  wordless: boolean;
  /** The broker had accepted the connection, and closed it instead of answering the subscription. */
  atSubscription: boolean;
  /** A message was refused or unanswered: brokers may close a connection because of one. */
  overMessage: boolean;
  /** CONNACK code or errno. */
  code?: number | string;
  /** What the broker said by its code. */
  reason?: ServerReason;
}

/** A topic that the robot reads besides its commands. */
export interface TopicSubscription {
  topic: string;
  qos: QoS;
  /** A retained message of such a topic is as good as a live one. */
  onMessage: (payload: Uint8Array) => void;
  /** The answer of the broker; null: granted, else the reason in words. */
  onSubscribed: (refusal: string | null) => void;
}

export interface ConnectionOptions {
  access: BrokerAccess;
  protocolVersion: 4 | 5;
  clientId: string;
  settings: Config['mqtt'];
  will: Publication;
  /** What is known of the broker before it has answered: a will that it does not take ends the CONNECT. */
  willLimits?: Pick<BrokerLimits, 'retain' | 'maxQos'>;
  /** Default `usual`. */
  sessionStart?: SessionStart;
  /** Topic filter of commands, and their maximum QoS. */
  subscription: {
    filter: string;
    /** The same topics without wildcards, for brokers that have none. */
    topics: readonly string[];
    qos: QoS;
  };
  /** Further topics, without wildcards; a refusal of one of them does not concern the commands. */
  topics?: readonly TopicSubscription[];
  /** Subscribed and ready to publish. */
  onReady: () => void;
  onCommand: (command: IncomingCommand) => void;
  /** Called exactly once, whatever the cause. */
  onEnd: (end: ConnectionEnd) => void;
  /**
   * Called with the result of the subscription to commands; null: granted, else the reason in words.
   */
  onSubscribed: (refusal: string | null) => void;
}

/**
 * One connection to the broker, from CONNECT to its end; it never reconnects. Each has a new
 * MQTT.js client, so that MQTT.js queues nothing that the outbox does not know of.
 */
export class Connection {
  readonly protocolVersion: 4 | 5;
  readonly #options: ConnectionOptions;
  readonly #client: MqttClient;
  #acknowledged = false;
  #ready = false;
  #ended = false;
  #lastError: { message: string; code?: number | string; reason?: ServerReason } | null = null;
  #limits = NO_LIMITS;
  #subscribeAgain: NodeJS.Timeout | null = null;
  readonly #subscribeLater = new Set<NodeJS.Timeout>();
  #unanswered = 0;
  #refusedMessage = false;

  /** @throws Error of MQTT.js for an invalid URL or certificate */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.protocolVersion = options.protocolVersion;
    this.#client = connect(options.access.url, clientOptions(options));
    this.#client.on('connect', () => this.#onConnect());
    this.#client.on('message', (topic, payload, packet) => {
      this.#onMessage(topic, payload, packet);
    });
    this.#client.on('error', (error) => this.#onError(error));
    // MQTT.js passes on only errors with a code: not that a web server refuses the WebSocket.
    this.#client.stream?.on('error', (error: Error) => {
      if (!this.#acknowledged && !('code' in error)) this.#onError(error);
    });
    this.#client.on('disconnect', ({ reasonCode = 0, properties }) => {
      const reason = serverReason(reasonCode, 'later', properties);
      this.#lastError =
        reasonCode < REFUSED
          ? { message: 'the broker ended the connection', code: reasonCode }
          : {
              message: `the broker ended the connection: ${reason.words}`,
              code: reasonCode,
              reason,
            };
    });
    this.#client.on('close', () => this.#end());
  }

  get ready(): boolean {
    return this.#ready && !this.#ended;
  }

  /** What the broker does not do; none before its CONNACK. */
  get limits(): BrokerLimits {
    return this.#limits;
  }

  /** Receive Maximum: how many unacknowledged messages of QoS 1 the broker accepts. */
  get receiveMaximum(): number {
    return this.#limits.receiveMaximum;
  }

  /** The largest packet that the broker accepts, bytes. */
  get maximumPacketSize(): number {
    return this.#limits.maxPacketBytes;
  }

  /** Unsent bytes in the socket's buffer. */
  get backlogBytes(): number {
    return this.#client.stream?.writableLength ?? 0;
  }

  /**
   * Sends a message, with QoS 0 and without the retain flag where the broker supports no more. With QoS 1, `done` is called when the broker has answered: with null, or with
   * the reason code of its refusal (>= 0x80). With QoS 0, it is called once the message is written
   * to the network, which may be before this returns. It is not called when the connection ends
   * first.
   */
  publish(message: Publication, done?: (refusal: number | null) => void): void {
    if (this.#ended) return;
    const properties =
      this.protocolVersion === 5
        ? {
            ...expiryProperty(message),
            ...(message.correlation === undefined
              ? {}
              : { correlationData: Buffer.from(message.correlation) }),
          }
        : undefined;
    const { qos, retain } = within(message, this.#limits);
    if (qos > 0) this.#unanswered += 1;
    this.#client.publish(
      message.topic,
      viewOf(message.payload),
      { qos, retain, ...(properties ? { properties } : {}) },
      (error) => {
        if (this.#ended) return;
        const refusal = error && 'code' in error ? Number(error.code) : null;
        const refused = refusal !== null && refusal >= REFUSED;
        if (refused) this.#refusedMessage = true;
        if (qos > 0 && (!error || refused)) this.#unanswered -= 1;
        if (!error) done?.(null);
        else if (refused) done?.(refusal);
      },
    );
  }

  /**
   * Sends DISCONNECT, so that no last will is published; resolves when the connection is closed.
   */
  async close(timeoutMs: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#client.end(false, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.#end();
  }

  #onConnect(): void {
    this.#acknowledged = true;
    if (this.protocolVersion === 5) this.#limits = brokerLimits(this.#client.serverProperties);
    this.#subscribe();
  }

  /** Subscribes to commands. A refusal is retried and does not stop the robot from publishing. */
  #subscribe(): void {
    const { subscription, settings, onSubscribed, onReady } = this.#options;
    const { filter, topics } = subscription;
    const qos = this.#options.sessionStart === 'queueless' ? 0 : subscription.qos;
    const filters = this.#limits.wildcards ? filter : [...topics];
    // With `rap` (retain as published) a retained command is recognisable even when sent live.
    this.#client.subscribe(filters, { qos, rap: true }, (error, granted) => {
      if (this.#ended) return;
      const answers: number[] | null = error
        ? answersIn(error)
        : (granted?.map((grant) => grant.qos) ?? null);
      // No answer: the connection ended first.
      if (!answers) return;
      const refusal = answers.find((answer) => answer >= REFUSED);
      onSubscribed(refusal === undefined ? null : serverReason(refusal, 'later').words);
      if (refusal !== undefined) {
        this.#subscribeAgain = setTimeout(() => this.#subscribe(), settings.backoffMaxMs);
        this.#subscribeAgain.unref();
      }
      if (this.#ready) return;
      this.#ready = true;
      this.#subscribeToTopics();
      onReady();
    });
  }

  #subscribeToTopics(): void {
    for (const subscription of this.#options.topics ?? []) this.#subscribeTo(subscription);
  }

  #subscribeTo(subscription: TopicSubscription): void {
    const { topic, qos, onSubscribed } = subscription;
    this.#client.subscribe(topic, { qos }, (error, granted) => {
      if (this.#ended) return;
      const [answer] = error ? (answersIn(error) ?? []) : (granted ?? []).map((each) => each.qos);
      // No answer: the connection ended first.
      if (answer === undefined) return;
      const isRefused = answer >= REFUSED;
      onSubscribed(isRefused ? serverReason(answer, 'later').words : null);
      if (!isRefused) return;
      const again = setTimeout(
        () => this.#subscribeTo(subscription),
        this.#options.settings.backoffMaxMs,
      );
      again.unref();
      this.#subscribeLater.add(again);
    });
  }

  #onMessage(topic: string, payload: Buffer, packet: IPublishPacket): void {
    if (this.#ended) return;
    const further = this.#options.topics?.find((subscription) => subscription.topic === topic);
    if (further) {
      further.onMessage(payload);
      return;
    }
    const { responseTopic, correlationData } = packet.properties ?? {};
    this.#options.onCommand({
      topic,
      payload,
      retain: packet.retain,
      qos: packet.qos,
      dup: packet.dup,
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(correlationData === undefined ? {} : { correlation: correlationData }),
    });
  }

  #onError(error: Error): void {
    const { code } = error as { code?: number | string };
    // The first error is the cause; later ones are its consequences.
    this.#lastError ??= {
      message: error.message,
      ...(code === undefined ? {} : { code }),
      ...this.#refusal(code),
    };
    // A protocol error or an unanswered CONNECT may leave the socket open.
    if (!this.#ended) this.#client.stream?.destroy();
  }

  /** What a CONNACK says that refuses the connection. */
  #refusal(code: number | string | undefined): { message: string; reason: ServerReason } | null {
    if (this.#acknowledged || typeof code !== 'number') return null;
    const details: ReasonDetails = this.#client.serverProperties ?? {};
    const reason = serverReason(code, 'connect', details);
    return { message: `the broker refuses the connection: ${reason.words}`, reason };
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#subscribeAgain !== null) clearTimeout(this.#subscribeAgain);
    for (const timer of this.#subscribeLater) clearTimeout(timer);
    const error = this.#lastError;
    this.#client.end(true);
    // MQTT.js does not force an end once a graceful one has begun.
    this.#client.stream?.destroy();
    const kind = this.#kindOfEnd(error?.code);
    this.#options.onEnd({
      kind,
      message: error?.message ?? 'the broker closed the connection',
      wordless: isWordless(error),
      atSubscription: kind === 'lost' && !this.#ready && (isWordless(error) || isSaid(error)),
      overMessage: this.#refusedMessage || this.#unanswered > 0,
      ...(error?.code === undefined ? {} : { code: error.code }),
      ...(error?.reason === undefined ? {} : { reason: error.reason }),
    });
  }

  #kindOfEnd(code: number | string | undefined): ConnectionEnd['kind'] {
    if (this.#acknowledged) return code === SESSION_TAKEN_OVER ? 'taken-over' : 'lost';
    if (code === 1 || code === 0x84) return 'version';
    if (typeof code === 'number') return 'refused';
    return isWordless(this.#lastError) ? 'silent' : 'unreachable';
  }
}

/** Without a copy. */
function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isWordless(error: { code?: number | string } | null): boolean {
  return error === null || error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

/** The broker gave a reason: the network did not break. */
function isSaid(error: { code?: number | string } | null): boolean {
  return typeof error?.code === 'number';
}

/** Reason codes of the SUBACK that caused an error; null: another cause. */
export function answersIn(error: unknown): number[] | null {
  if (!(error instanceof ErrorWithSubackPacket)) return null;
  // After the end of the connection there is no packet, despite the type.
  const packet: { granted: unknown[] } | undefined = error.packet;
  return packet ? packet.granted.map(Number) : null;
}

/** The guarantees of a message that a broker supports. */
function within(
  { qos, retain }: Pick<Publication, 'qos' | 'retain'>,
  limits: Pick<BrokerLimits, 'retain' | 'maxQos'>,
): Pick<Publication, 'qos' | 'retain'> {
  return { qos: limits.maxQos === 0 ? 0 : qos, retain: retain && limits.retain };
}

function expiryProperty({ expirySeconds }: Publication): { messageExpiryInterval?: number } {
  if (expirySeconds === undefined) return {};
  return {
    messageExpiryInterval: Math.min(EXPIRY_MAX_SECONDS, Math.max(1, Math.ceil(expirySeconds))),
  };
}

/** Whether the broker is asked for a session that lasts longer than the connection. */
export function keepsSession(
  options: Pick<ConnectionOptions, 'protocolVersion' | 'settings' | 'sessionStart'>,
): boolean {
  const { protocolVersion, settings, sessionStart } = options;
  return protocolVersion === 5 && settings.sessionExpirySeconds > 0 && sessionStart !== 'queueless';
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { settings, access, will, protocolVersion } = options;
  const { credentials } = access;
  const isV5 = protocolVersion === 5;
  return {
    protocolVersion,
    protocolId: 'MQTT',
    clientId: options.clientId,
    // Only MQTT 5 can limit the lifetime of a session: with 3.1.1 the broker queues no commands.
    clean: !keepsSession(options) || options.sessionStart === 'fresh',
    keepalive: settings.keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    queueQoSZero: false,
    resubscribe: false,
    // The cache holds the bytes of every 16-bit number: 7 MB for a few messages a second.
    writeCache: false,
    ...(settings.username === null ? {} : { username: settings.username }),
    ...(credentials.password === undefined ? {} : { password: credentials.password }),
    ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
    ...(credentials.cert === undefined ? {} : { cert: credentials.cert }),
    ...(credentials.key === undefined ? {} : { key: credentials.key }),
    rejectUnauthorized: true,
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      ...within(will, options.willLimits ?? NO_LIMITS),
      ...(isV5
        ? { properties: { willDelayInterval: settings.willDelaySeconds, ...expiryProperty(will) } }
        : {}),
    },
    ...(isV5
      ? {
          properties: {
            sessionExpiryInterval: keepsSession(options) ? settings.sessionExpirySeconds : 0,
            receiveMaximum: INCOMING_MAX_MESSAGES,
            maximumPacketSize: INCOMING_MAX_BYTES,
          },
        }
      : {}),
  };
}
