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
import type { TlsFiles } from './tls-files.js';

const CONNECT_TIMEOUT_MS = 15_000;
/** What a sender may make us hold in memory at once; the size limit of commands is far below. */
const INCOMING_MAX_BYTES = 4_194_304;
const INCOMING_MAX_MESSAGES = 16;
/** Reason codes from here on mean no. */
const REFUSED = 0x80;
const SESSION_TAKEN_OVER = 0x8e;
/** What fits into MQTT's four bytes. */
const EXPIRY_MAX_SECONDS = 0xffff_ffff;

/** Secrets and certificates, read by the caller. */
export interface BrokerCredentials extends TlsFiles {
  password?: string | Buffer;
}

/** Where the broker is and how it is asked in. */
export interface BrokerAccess {
  /** mqtt://, mqtts://, ws:// or wss:// */
  url: string;
  credentials: BrokerCredentials;
}

export interface Publication {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  /** MQTT 5: the broker forgets it after so many seconds. */
  expirySeconds?: number;
  /** MQTT 5. */
  correlation?: Uint8Array;
}

/** Why a connection ended. */
export interface ConnectionEnd {
  /**
   * `version`: the broker refuses this protocol version; `silent`: it took the connection and
   * closed it without an answer; `refused`: it answered no; `unreachable`: no way to it; `lost`:
   * it was up; `taken-over`: it was up, and the broker says that another client with this id came.
   */
  kind: 'version' | 'silent' | 'refused' | 'unreachable' | 'lost' | 'taken-over';
  message: string;
  /** The other side closed it and gave no reason. */
  wordless: boolean;
  /** A message was refused, or on its way without an answer: brokers close a connection over one. */
  overMessage: boolean;
  /** CONNACK code or errno. */
  code?: number | string;
}

export interface ConnectionOptions {
  access: BrokerAccess;
  protocolVersion: 4 | 5;
  clientId: string;
  settings: Config['mqtt'];
  will: Publication;
  /** Topic filter of commands, and the QoS with which they come at most. */
  subscription: { filter: string; qos: QoS };
  /** Subscribed and ready to publish. */
  onReady: () => void;
  onCommand: (command: IncomingCommand) => void;
  /** Exactly once, whatever happened. */
  onEnd: (end: ConnectionEnd) => void;
  /** The broker lets us hear commands; null: it does, else its answer. */
  onSubscribed: (refusal: string | null) => void;
}

/**
 * One connection to the broker, from CONNECT to the end; it never comes back. Each has a fresh
 * MQTT.js client, so that nothing waits in MQTT.js that our own outbox does not know.
 */
export class Connection {
  readonly protocolVersion: 4 | 5;
  readonly #options: ConnectionOptions;
  readonly #client: MqttClient;
  #acknowledged = false;
  #ready = false;
  #ended = false;
  #lastError: { message: string; code?: number | string } | null = null;
  #subscribeAgain: NodeJS.Timeout | null = null;
  #unanswered = 0;
  #refusedMessage = false;

  /** Throws what MQTT.js throws for an impossible URL or certificate. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.protocolVersion = options.protocolVersion;
    this.#client = connect(options.access.url, clientOptions(options));
    this.#client.on('connect', () => this.#onConnect());
    this.#client.on('message', (topic, payload, packet) => {
      this.#onMessage(topic, payload, packet);
    });
    this.#client.on('error', (error) => this.#onError(error));
    this.#client.on('disconnect', (packet) => {
      this.#lastError = {
        message: `the broker said goodbye with reason ${packet.reasonCode ?? 0}`,
        ...(packet.reasonCode === undefined ? {} : { code: packet.reasonCode }),
      };
    });
    this.#client.on('close', () => this.#end());
  }

  get ready(): boolean {
    return this.#ready && !this.#ended;
  }

  /** How many messages with QoS 1 the broker takes without acknowledging one. */
  get receiveMaximum(): number {
    return this.#client.serverProperties?.receiveMaximum ?? 65_535;
  }

  /** The largest packet that the broker takes, bytes. */
  get maximumPacketSize(): number {
    return this.#client.serverProperties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes that wait for the network. */
  get backlogBytes(): number {
    return this.#client.stream?.writableLength ?? 0;
  }

  /**
   * Sends a message; with QoS 1 `done` is called when the broker has answered: with null, or with
   * its reason code (>= 0x80); with QoS 0 when the network has taken it, which may be before this
   * returns. It is not called when the connection ends first.
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
    if (message.qos > 0) this.#unanswered += 1;
    this.#client.publish(
      message.topic,
      Buffer.from(message.payload),
      { qos: message.qos, retain: message.retain, ...(properties ? { properties } : {}) },
      (error) => {
        if (this.#ended) return;
        const refusal = error && 'code' in error ? Number(error.code) : null;
        const refused = refusal !== null && refusal >= REFUSED;
        if (refused) this.#refusedMessage = true;
        if (message.qos > 0 && (!error || refused)) this.#unanswered -= 1;
        if (!error) done?.(null);
        else if (refused) done?.(refusal);
      },
    );
  }

  /** Says goodbye, so that no last will is published; resolves when the connection is closed. */
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
    this.#subscribe();
  }

  /** Without commands the robot still reports; whether it may hear them is asked again and again. */
  #subscribe(): void {
    const { subscription, settings, onSubscribed, onReady } = this.#options;
    const { filter, qos } = subscription;
    // With `rap` a retained command is known as such even when it comes live.
    this.#client.subscribe(filter, { qos, rap: true }, (error, granted) => {
      if (this.#ended) return;
      const answers: number[] | null = error
        ? answersIn(error)
        : (granted?.map((grant) => grant.qos) ?? null);
      // Without an answer the connection has ended while it was asked.
      if (!answers) return;
      const refusal = answers.find((answer) => answer >= REFUSED);
      onSubscribed(refusal === undefined ? null : `0x${refusal.toString(16)}`);
      if (refusal !== undefined) {
        this.#subscribeAgain = setTimeout(() => this.#subscribe(), settings.backoffMaxMs);
        this.#subscribeAgain.unref();
      }
      if (this.#ready) return;
      this.#ready = true;
      onReady();
    });
  }

  #onMessage(topic: string, payload: Buffer, packet: IPublishPacket): void {
    if (this.#ended) return;
    const { responseTopic, correlationData } = packet.properties ?? {};
    this.#options.onCommand({
      topic,
      payload,
      retain: packet.retain,
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(correlationData === undefined ? {} : { correlation: correlationData }),
    });
  }

  #onError(error: Error): void {
    const { code } = error as { code?: number | string };
    // The first error is the cause; what follows is the collapse.
    this.#lastError ??= { message: error.message, ...(code === undefined ? {} : { code }) };
    // A protocol error or an unanswered CONNECT may leave the socket open.
    if (!this.#ended) this.#client.stream?.destroy();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#subscribeAgain !== null) clearTimeout(this.#subscribeAgain);
    const error = this.#lastError;
    this.#client.end(true);
    // MQTT.js does not force an end that it has already begun politely.
    this.#client.stream?.destroy();
    this.#options.onEnd({
      kind: this.#kindOfEnd(error?.code),
      message: error?.message ?? 'the broker closed the connection',
      wordless: isWordless(error),
      overMessage: this.#refusedMessage || this.#unanswered > 0,
      ...(error?.code === undefined ? {} : { code: error.code }),
    });
  }

  #kindOfEnd(code: number | string | undefined): ConnectionEnd['kind'] {
    if (this.#acknowledged) return code === SESSION_TAKEN_OVER ? 'taken-over' : 'lost';
    if (code === 1 || code === 0x84) return 'version';
    if (typeof code === 'number') return 'refused';
    return isWordless(this.#lastError) ? 'silent' : 'unreachable';
  }
}

function isWordless(error: { code?: number | string } | null): boolean {
  return error === null || error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

/** The reason codes of the SUBACK that an error is about; null: it is about something else. */
function answersIn(error: Error): number[] | null {
  if (!(error instanceof ErrorWithSubackPacket)) return null;
  // A connection that ended has brought no packet, whatever the type says.
  const packet: { granted: unknown[] } | undefined = error.packet;
  return packet ? packet.granted.map(Number) : null;
}

function expiryProperty({ expirySeconds }: Publication): { messageExpiryInterval?: number } {
  if (expirySeconds === undefined) return {};
  return {
    messageExpiryInterval: Math.min(EXPIRY_MAX_SECONDS, Math.max(1, Math.ceil(expirySeconds))),
  };
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { settings, access, will, protocolVersion } = options;
  const { credentials } = access;
  const isV5 = protocolVersion === 5;
  return {
    protocolVersion,
    protocolId: 'MQTT',
    clientId: options.clientId,
    // Only MQTT 5 can bound how long a session outlives us; commands for 3.1.1 do not wait.
    clean: !isV5 || settings.sessionExpirySeconds === 0,
    keepalive: settings.keepaliveSeconds,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    queueQoSZero: false,
    resubscribe: false,
    ...(settings.username === null ? {} : { username: settings.username }),
    ...(credentials.password === undefined ? {} : { password: credentials.password }),
    ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
    ...(credentials.cert === undefined ? {} : { cert: credentials.cert }),
    ...(credentials.key === undefined ? {} : { key: credentials.key }),
    rejectUnauthorized: true,
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: will.qos,
      retain: will.retain,
      ...(isV5
        ? { properties: { willDelayInterval: settings.willDelaySeconds, ...expiryProperty(will) } }
        : {}),
    },
    ...(isV5
      ? {
          properties: {
            sessionExpiryInterval: settings.sessionExpirySeconds,
            receiveMaximum: INCOMING_MAX_MESSAGES,
            maximumPacketSize: INCOMING_MAX_BYTES,
          },
        }
      : {}),
  };
}
