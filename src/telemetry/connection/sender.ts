import type { AlarmSwitch } from '../../base/alarms.js';
import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { QoS } from '../contract/topics.js';
import type { Outbox, StoredMessage } from '../outbox/outbox.js';
import type { Connection, Publication } from './connection.js';
import { serverReason } from './server-reason.js';

/**
 * Limit of unsent bytes, above which messages that are sent only once are dropped. MQTT.js adds a
 * listener for each unsent message and warns of a leak at 1,000: keep the limit below the size of
 * that many predictions.
 */
const BACKLOG_MAX_BYTES = 262_144;
/** Connections lost right after the same message before it is set aside. */
const STRIKES = 5;
const SET_ASIDE_MS = 600_000;
/**
 * The most that a PUBLISH of ours needs besides topic, payload and correlation data: fixed header
 * 5, length of the topic 2, packet id 2, length of the properties 4, expiry 5, head of the
 * correlation data 3.
 */
export const PACKET_OVERHEAD_BYTES = 21;

export interface SenderOptions {
  outbox: Outbox;
  maxInFlight: number;
  /** Delay until a refused message is sent again. */
  retryMs: number;
  /** The connection while it is ready. */
  connection: () => Connection | null;
  alarms: AlarmSwitch;
  log: Log;
}

interface State {
  compose(): Publication | null;
  /** Called each time the broker has acknowledged it. */
  onAcknowledged?: () => void;
}

/**
 * Feeds the connection: states first, then the outbox. At most `maxInFlight` messages, or the
 * broker's Receive Maximum if that is lower, await their PUBACK.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #states = new Map<string, State>();
  readonly #dirty = new Set<string>();
  /** Ids of outbox messages that await their PUBACK, oldest first. */
  readonly #awaiting = new Set<number>();
  /** Refused topics, and the monotonic milliseconds before which they are not tried again. */
  readonly #refused = new Map<string, number>();
  /** Number of messages outside the outbox that await their PUBACK. */
  #othersInFlight = 0;
  /** Topics of states and passing messages that this connection's broker takes no packet for. */
  readonly #oversized = new Set<string>();
  #pumping = false;
  #isPumpDue = false;
  #acknowledged = 0;
  #suspect: number | null = null;
  #strikes = 0;
  #retry: NodeJS.Timeout | null = null;
  /** Actions of the retry timer before it sends. */
  readonly #due: (() => void)[] = [];
  #onDrained: (() => void) | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
    options.outbox.setListener(() => this.pump());
  }

  /**
   * Sets a state: `compose` is called for every publication, also after a reconnect. States are sent
   * in the order in which their keys were first set.
   * @param onAcknowledged called each time the broker has it, and what was sent before it
   */
  state(key: string, compose: () => Publication | null, onAcknowledged?: () => void): void {
    this.#states.set(key, { compose, ...(onAcknowledged ? { onAcknowledged } : {}) });
    this.#dirty.add(key);
    this.pump();
  }

  connected(): void {
    for (const key of this.#states.keys()) this.#dirty.add(key);
    this.#acknowledged = 0;
    this.#oversized.clear();
    // Messages deferred on the previous connection are due by then.
    if (this.#refused.size > 0) this.#pumpIn(this.#options.retryMs);
    this.pump();
  }

  disconnected(): void {
    this.#judge();
    this.#awaiting.clear();
    this.#othersInFlight = 0;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#due.length = 0;
    // The next connection tries refused topics at once.
    for (const topic of this.#refused.keys()) this.#refused.set(topic, 0);
    this.#options.outbox.release();
    this.#onDrained?.();
  }

  /** Resolves when all ready messages are acknowledged, or after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<void> {
    this.pump();
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onDrained = null;
  }

  /** Sends as many messages as may be in flight. */
  pump(): void {
    const connection = this.#options.connection();
    // A message of QoS 0 may settle during `publish`, which calls `pump` again: the loops below go
    // on.
    if (connection === null || this.#pumping) return;
    this.#pumping = true;
    try {
      this.#feed(connection);
    } finally {
      this.#pumping = false;
    }
  }

  /**
   * Sends the message of `compose` once, without queueing it. `compose` is called only if the
   * message can be sent.
   * @returns false when it was not sent: no connection, a slow link, too many messages in flight
   *   for `qos`, a message larger than the broker accepts, or `compose` returned null
   */
  once(qos: QoS, compose: () => Publication | null): boolean {
    const connection = this.#options.connection();
    if (connection === null || connection.backlogBytes > BACKLOG_MAX_BYTES) return false;
    if (qos > 0 && this.#inFlight >= this.#window(connection)) return false;
    const publication = compose();
    return publication !== null && this.#publish(connection, publication);
  }

  #window(connection: Connection): number {
    return Math.min(this.#options.maxInFlight, connection.receiveMaximum);
  }

  #feed(connection: Connection): void {
    const window = this.#window(connection);
    for (const key of [...this.#dirty]) {
      if (this.#inFlight >= window) return;
      this.#dirty.delete(key);
      const state = this.#states.get(key);
      const publication = state?.compose();
      if (publication) this.#publish(connection, publication, { key, ...state });
    }
    // A message suspected of ending connections is sent alone.
    const limit = this.#strikes > 0 ? 1 : window;
    while (this.#inFlight < limit) {
      const messages = this.#options.outbox.take(limit - this.#inFlight);
      if (messages.length === 0) return;
      for (const message of messages) this.#send(connection, message);
    }
  }

  get #inFlight(): number {
    return this.#awaiting.size + this.#othersInFlight;
  }

  /**
   * @param state if it is one: a refused state is sent again
   * @returns false for a message larger than the broker accepts, which would end the connection
   */
  #publish(
    connection: Connection,
    publication: Publication,
    state?: { key: string; onAcknowledged?: () => void },
  ): boolean {
    const { topic } = publication;
    const bytes = packetBytes(publication);
    if (bytes > connection.maximumPacketSize) {
      if (!this.#oversized.has(topic)) this.#reportTooLarge(topic, bytes, 'not sent');
      this.#oversized.add(topic);
      return false;
    }
    if (publication.qos === 0) {
      connection.publish(publication);
      return true;
    }
    this.#othersInFlight++;
    connection.publish(publication, (refusal) => {
      this.#othersInFlight--;
      this.#answered(topic, refusal);
      if (state !== undefined) {
        if (refusal === null) state.onAcknowledged?.();
        else this.#pumpIn(this.#options.retryMs, () => this.#dirty.add(state.key));
      }
      this.#settled();
    });
    return true;
  }

  #reportTooLarge(topic: string, bytes: number, outcome: string): void {
    this.#options.log.error(
      { code: 'HL_BROKER_PACKET_TOO_LARGE', topic, bytes },
      `message larger than the broker accepts: ${outcome}`,
    );
  }

  #send(connection: Connection, message: StoredMessage): void {
    const { id, topic, payload, qos, retain, correlation, expirySeconds } = message;
    const { outbox } = this.#options;
    const bytes = packetBytes(message);
    if (bytes > connection.maximumPacketSize) {
      outbox.defer(id, SET_ASIDE_MS);
      this.#reportTooLarge(topic, bytes, 'kept, retried later');
      return;
    }
    const waitMs = this.#waitForTopicMs(topic);
    if (waitMs > 0) {
      outbox.defer(id, waitMs);
      this.#pumpIn(waitMs);
      return;
    }
    this.#awaiting.add(id);
    connection.publish(
      {
        topic,
        payload,
        qos,
        retain,
        ...(correlation === undefined ? {} : { correlation }),
        ...(expirySeconds === undefined ? {} : { expirySeconds }),
      },
      (refusal) => {
        this.#awaiting.delete(id);
        this.#acknowledged++;
        this.#strikes = 0;
        this.#answered(topic, refusal);
        if (refusal === null) {
          outbox.acknowledge(id);
        } else {
          outbox.defer(id, this.#options.retryMs);
          this.#pumpIn(this.#options.retryMs);
        }
        this.#settled();
      },
    );
  }

  /**
   * How long a message must wait because the broker has refused its topic. Brokers end connections
   * with many refusals, so that only one message per topic tries again at a time.
   */
  #waitForTopicMs(topic: string): number {
    const untilMs = this.#refused.get(topic);
    if (untilMs === undefined) return 0;
    const waitMs = untilMs - performance.now();
    if (waitMs <= 0) this.#refused.set(topic, performance.now() + this.#options.retryMs);
    return Math.max(0, waitMs);
  }

  /**
   * Sends what comes next once all answers that have arrived are handled. MQTT.js handles each in a turn of
   * its own and writes to the network at the end of each: message by message, that costs more than all else.
   */
  #settled(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    setImmediate(() => {
      this.#isPumpDue = false;
      try {
        this.pump();
        this.#options.outbox.readAhead();
      } catch (error) {
        this.#options.log.error({ err: error }, 'cannot send what waits for the broker');
      }
      if (this.#inFlight === 0) this.#onDrained?.();
    });
  }

  /**
   * After a lost connection: checks whether the same message may have caused the last few losses.
   */
  #judge(): void {
    const [head] = this.#awaiting;
    if (head === undefined || this.#acknowledged > 0) {
      this.#strikes = 0;
      return;
    }
    this.#strikes = head === this.#suspect ? this.#strikes + 1 : 1;
    this.#suspect = head;
    if (this.#strikes < STRIKES) return;
    this.#strikes = 0;
    this.#options.outbox.defer(head, SET_ASIDE_MS);
    this.#options.log.error(
      { code: 'HL_BROKER_LOST', outboxId: head },
      `message set aside: ${STRIKES} connections were lost right after it`,
    );
  }

  /** Updates the alarm: raised while the broker refuses a topic, cleared when it accepts all. */
  #answered(topic: string, refusal: number | null): void {
    const { alarms } = this.#options;
    if (refusal === null) {
      if (this.#refused.delete(topic) && this.#refused.size === 0) alarms.clear('mqtt-messages');
      return;
    }
    this.#refused.set(topic, performance.now() + this.#options.retryMs);
    const topics = [...this.#refused.keys()].sort();
    const reason = serverReason(refusal, 'later');
    const isDenied = reason.code === 'HL_BROKER_REFUSED';
    const error = new HeadlandError(
      reason.code,
      `the broker refuses messages (0x${refusal.toString(16)}, ${reason.words}) on ${topics.join(', ')}; they are kept and sent again`,
      {
        remedy: isDenied
          ? "Allow the robot to write these topics in the broker's access list."
          : reason.remedy,
        details: { topics, reason: refusal },
      },
    );
    alarms.raise('mqtt-messages', error);
  }

  #pumpIn(delayMs: number, before: () => void = () => {}): void {
    this.#due.push(before);
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      try {
        for (const work of this.#due.splice(0)) work();
        this.pump();
      } catch (error) {
        this.#options.log.error({ err: error }, 'cannot send what waited for the broker');
      }
    }, delayMs + 100);
    this.#retry.unref();
  }
}

/** An upper bound of the size of a PUBLISH. */
function packetBytes(message: Pick<Publication, 'topic' | 'payload' | 'correlation'>): number {
  const { topic, payload, correlation } = message;
  const varying = Buffer.byteLength(topic) + payload.byteLength + (correlation?.byteLength ?? 0);
  return varying + PACKET_OVERHEAD_BYTES;
}
