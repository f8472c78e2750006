import { setTimeout as sleep } from 'node:timers/promises';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import type { AlarmSwitch } from '../../../base/alarms.js';
import { Backoff } from '../../../base/backoff.js';
import { HeadlandError, isHeadlandError, messageOf } from '../../../base/errors.js';
import type { Log } from '../../../base/log.js';
import { brokerLimits, NO_LIMITS } from '../../../telemetry/connection/broker-limits.js';
import { connectInVersion } from '../../../telemetry/connection/connect-once.js';
import {
  type FleetTopic,
  fleetTopic,
  HUB_SHARE,
  readFleetTopic,
} from '../../contract/fleet-topics.js';

const CONNECT_TIMEOUT_MS = 15_000;
const BACKOFF = { initialMs: 500, maxMs: 10_000 };
const RETRY = { initialMs: 100, maxMs: 3_000 };
const CLOSE_TIMEOUT_MS = 2_000;
/** Messages of robots that the broker sends ahead: they wait in memory. */
const RECEIVE_MAXIMUM = 32;
const MAX_PACKET_BYTES = 1_048_576;

/** Topics that several hubs divide; each hears all reports, which are retained. */
const SHARED: readonly FleetTopic[] = ['chunk', 'want'];

export interface HubLinkOptions {
  urls: readonly string[];
  protocol: 'auto' | '5' | '3.1.1';
  clientId: string;
  username: string | null;
  password: string | null;
  ca: Buffer | null;
  cert: Buffer | null;
  key: Buffer | null;
  keepaliveSeconds: number;
  sessionExpirySeconds: number;
  sharedSubscription: boolean;
  /** The broker learns that a message is taken when this resolves. While it rejects, it is called again. */
  take(robot: string, topic: FleetTopic, payload: Uint8Array): Promise<void>;
  /** Subscribed; also after each loss. */
  onReady(): void;
  alarms: AlarmSwitch;
  log: Log;
}

/**
 * The hub's connection to the broker. A message of a robot is acknowledged when it is stored: what a hub has
 * not stored when it ends, the broker sends again, to it or to another one.
 */
export class HubLink {
  readonly #options: HubLinkOptions;
  readonly #backoff = new Backoff(BACKOFF);
  #client: MqttClient | null = null;
  readonly #stop = new AbortController();
  /** Publications that the broker has not acknowledged; one listener for all of them. */
  readonly #unacknowledged = new Set<() => void>();
  #problem: HeadlandError | null = null;
  #work: Promise<void> = Promise.resolve();
  #handling: Promise<void> = Promise.resolve();
  #turn = 0;

  constructor(options: HubLinkOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client?.connected === true;
  }

  /** Why there is no connection; null: there is one. */
  get problem(): HeadlandError | null {
    return this.connected ? null : this.#problem;
  }

  start(): void {
    this.#work = this.#run();
  }

  /** Sends with QoS 1; false: there is no connection, and the message is dropped. */
  publish(topic: string, payload: Uint8Array, retain: boolean): boolean {
    const client = this.#client;
    if (!client?.connected) return false;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    client.publish(topic, bytes, { qos: 1, retain }, () => undefined);
    return true;
  }

  /** As {@link publish}, and waits for the broker. @returns false: it has not taken the message */
  publishSurely(topic: string, payload: Uint8Array, retain: boolean): Promise<boolean> {
    const client = this.#client;
    if (!client?.connected) return Promise.resolve(false);
    return new Promise((resolve) => {
      const lost = (): void => resolve(false);
      this.#unacknowledged.add(lost);
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      client.publish(topic, bytes, { qos: 1, retain }, (error) => {
        this.#unacknowledged.delete(lost);
        resolve(!error);
      });
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    await this.#handling;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#session();
      } catch (error) {
        this.#failed(error);
      }
      if (!this.#stopping) await this.#sleep(this.#backoff.nextMs());
    }
  }

  /** From CONNECT to the end of the connection. */
  async #session(): Promise<void> {
    const { urls, protocol, log, alarms } = this.#options;
    const url = urls[this.#turn++ % urls.length] ?? '';
    const client = await connectInVersion(
      url,
      this.#clientOptions(),
      protocol,
      CONNECT_TIMEOUT_MS,
      (created) => this.#listen(created),
    );
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('close', () => {
      for (const lost of this.#unacknowledged) lost();
      this.#unacknowledged.clear();
    });
    client.on('error', (error) => {
      this.#problem = problem(error);
    });
    this.#client = client;
    try {
      await this.#subscribe(client);
      this.#backoff.reset();
      this.#problem = null;
      alarms.clear('broker');
      log.info({ url, protocol: client.options.protocolVersion }, 'connected to the broker');
      this.#options.onReady();
      await Promise.race([closed, this.#stopped()]);
      if (!this.#stopping) throw new Error('the connection was lost');
    } finally {
      this.#client = null;
      await end(client);
    }
  }

  async #subscribe(client: MqttClient): Promise<void> {
    const limits =
      client.options.protocolVersion === 5
        ? brokerLimits(client.serverProperties)
        : // Nothing says whether a broker of 3.1.1 has shared subscriptions.
          { ...NO_LIMITS, sharedSubscriptions: false };
    const share = this.#options.sharedSubscription && limits.sharedSubscriptions;
    const prefix = share ? `$share/${HUB_SHARE}/` : '';
    const filters = [
      fleetTopic('+', 'reported'),
      ...SHARED.map((topic) => `${prefix}${fleetTopic('+', topic)}`),
    ];
    const granted = await client.subscribeAsync(filters, { qos: 1 });
    const refused = granted.find(({ qos }) => Number(qos) >= 0x80);
    if (refused) throw new Error(`the broker refuses the subscription to ${refused.topic}`);
  }

  #clientOptions(): Omit<IClientOptions, 'reconnectPeriod' | 'connectTimeout' | 'protocolVersion'> {
    const options = this.#options;
    return {
      clientId: options.clientId,
      clean: options.sessionExpirySeconds === 0,
      keepalive: options.keepaliveSeconds,
      resubscribe: false,
      queueQoSZero: false,
      rejectUnauthorized: true,
      ...(options.username === null ? {} : { username: options.username }),
      ...(options.password === null ? {} : { password: options.password }),
      ...(options.ca === null ? {} : { ca: options.ca }),
      ...(options.cert === null ? {} : { cert: options.cert }),
      ...(options.key === null ? {} : { key: options.key }),
      properties: {
        sessionExpiryInterval: options.sessionExpirySeconds,
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumPacketSize: MAX_PACKET_BYTES,
      },
    };
  }

  /** MQTT.js has `customHandleAcks` for this, but calls it in MQTT 5 only. */
  #listen(client: MqttClient): void {
    // Called before the acknowledgement. One message at a time: the next waits in the socket.
    client.handleMessage = ({ topic, payload }: IPublishPacket, done) => {
      this.#handling = this.#take(topic, bytesOf(payload)).then((taken) => {
        if (taken) done();
      });
    };
  }

  /** @returns false: the hub ends, and the broker keeps the message */
  async #take(topic: string, payload: Uint8Array): Promise<boolean> {
    const read = readFleetTopic(topic);
    if (read === null) return true;
    const backoff = new Backoff(RETRY);
    while (!this.#stopping) {
      try {
        await this.#options.take(read.robot, read.topic, payload);
        return true;
      } catch (error) {
        if (!isHeadlandError(error)) {
          // The store is well and cannot take it: it would come again for ever, and nothing behind it.
          this.#options.log.error({ err: error, robot: read.robot }, 'a message is dropped');
          return true;
        }
        const isFirst = backoff.failures === 0;
        this.#options.log[isFirst ? 'warn' : 'debug']({ err: error }, 'a message waits');
        await this.#sleep(backoff.nextMs());
      }
    }
    return false;
  }

  #failed(error: unknown): void {
    this.#problem = problem(error);
    if (this.#backoff.failures === 2) this.#options.alarms.raise('broker', this.#problem);
    this.#options.log.debug({ err: this.#problem }, 'no connection to the broker');
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

async function end(client: MqttClient): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    client.end(!client.connected, () => {
      clearTimeout(timer);
      resolve();
    });
  });
  client.stream?.destroy();
}

function problem(cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_BROKER_UNREACHABLE',
    `no connection to the broker: ${messageOf(cause)}`,
    { remedy: 'Start the broker, or correct mqtt.url; check the network.', cause },
  );
}

function bytesOf(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
