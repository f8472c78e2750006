import type { Log } from '../../base/log.js';
import type { QoS } from '../contract/topics.js';
import type { Outbox, StoredMessage } from '../outbox/outbox.js';
import type { Connection, Publication } from './connection.js';

/**
 * What is sent once is let go while more than this waits for the network. MQTT.js adds a listener
 * for each that waits and warns of a leak at 1,000: keep it below that many predictions.
 */
const BACKLOG_MAX_BYTES = 262_144;
/** After so many connections that died on the same message, others go first. */
const STRIKES = 5;
const SET_ASIDE_MS = 600_000;
const REFUSED_RETRY_MS = 60_000;
/** Fixed header, topic length, properties: more than a PUBLISH ever needs besides its payload. */
const PACKET_OVERHEAD_BYTES = 256;

export interface SenderOptions {
  outbox: Outbox;
  maxInFlight: number;
  /** The connection while it is ready. */
  connection: () => Connection | null;
  log: Log;
}

/**
 * Feeds the connection: states first, then the outbox, with at most `maxInFlight` messages
 * (less where the broker's Receive Maximum says so) that await their PUBACK.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #states = new Map<string, () => Publication | null>();
  readonly #dirty = new Set<string>();
  /** Ids of outbox messages that await their PUBACK, oldest first. */
  readonly #awaiting = new Set<number>();
  /** Messages from elsewhere than the outbox that await their PUBACK. */
  #othersInFlight = 0;
  #pumping = false;
  #acknowledged = 0;
  #suspect: number | null = null;
  #strikes = 0;
  #retry: NodeJS.Timeout | null = null;
  #onDrained: (() => void) | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
    options.outbox.setListener(() => this.pump());
  }

  /** Sets a state: `compose` is asked at every sending, also after a reconnect. */
  state(key: string, compose: () => Publication | null): void {
    this.#states.set(key, compose);
    this.#dirty.add(key);
    this.pump();
  }

  connected(): void {
    for (const key of this.#states.keys()) this.#dirty.add(key);
    this.#acknowledged = 0;
    this.pump();
  }

  disconnected(): void {
    this.#judge();
    this.#awaiting.clear();
    this.#othersInFlight = 0;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#options.outbox.release();
    this.#onDrained?.();
  }

  /** Resolves when all that was ready has been acknowledged, or after `timeoutMs`. */
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

  /** Sends as much as may be in flight. */
  pump(): void {
    const connection = this.#options.connection();
    // A message with QoS 0 is settled while it is being sent: the loops below go on by themselves.
    if (connection === null || this.#pumping) return;
    this.#pumping = true;
    try {
      this.#feed(connection);
    } finally {
      this.#pumping = false;
    }
  }

  /**
   * Sends what `compose` gives, once; it is kept nowhere and `compose` is not called in vain.
   * @returns false when it was not sent: no connection, too slow a link, too much in flight for
   *   `qos`, or nothing to send
   */
  once(qos: QoS, compose: () => Publication | null): boolean {
    const connection = this.#options.connection();
    if (connection === null || connection.backlogBytes > BACKLOG_MAX_BYTES) return false;
    if (qos > 0 && this.#inFlight >= this.#window(connection)) return false;
    const publication = compose();
    if (publication !== null) this.#publish(connection, publication);
    return publication !== null;
  }

  #window(connection: Connection): number {
    return Math.min(this.#options.maxInFlight, connection.receiveMaximum);
  }

  #feed(connection: Connection): void {
    const window = this.#window(connection);
    for (const key of [...this.#dirty]) {
      if (this.#inFlight >= window) return;
      this.#dirty.delete(key);
      const publication = this.#states.get(key)?.();
      if (publication) this.#publish(connection, publication);
    }
    // A message that may be what kills the connections travels alone.
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

  #publish(connection: Connection, publication: Publication): void {
    if (publication.qos === 0) {
      connection.publish(publication);
      return;
    }
    this.#othersInFlight++;
    connection.publish(publication, (refusal) => {
      this.#othersInFlight--;
      if (refusal !== null) this.#warnOfRefusal(publication.topic, refusal);
      this.#settled();
    });
  }

  #send(connection: Connection, message: StoredMessage): void {
    const { id, topic, payload, qos, retain, correlation, expiresAtMs } = message;
    const { outbox, log } = this.#options;
    const size = payload.byteLength + topic.length + PACKET_OVERHEAD_BYTES;
    if (size > connection.maximumPacketSize) {
      outbox.defer(id, SET_ASIDE_MS);
      log.error({ code: 'HL_BROKER_PACKET_TOO_LARGE', topic, bytes: size }, 'a message is larger than the broker takes: it is kept and offered again later');
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
        ...(expiresAtMs === null ? {} : { expirySeconds: (expiresAtMs - Date.now()) / 1_000 }),
      },
      (refusal) => {
        this.#awaiting.delete(id);
        this.#acknowledged++;
        this.#strikes = 0;
        if (refusal === null) {
          outbox.acknowledge(id);
        } else {
          outbox.defer(id, REFUSED_RETRY_MS);
          this.#warnOfRefusal(topic, refusal);
          this.#pumpIn(REFUSED_RETRY_MS);
        }
        this.#settled();
      },
    );
  }

  #settled(): void {
    this.pump();
    if (this.#inFlight === 0) this.#onDrained?.();
  }

  /** Looks, when a connection was lost, whether one and the same message may have killed it. */
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
      `${STRIKES} connections were lost right after the same message: it is set aside for now`,
    );
  }

  #warnOfRefusal(topic: string, reason: number): void {
    this.#options.log.warn(
      { code: 'HL_BROKER_REFUSED', topic, reason },
      'the broker refuses a message; it is kept and offered again',
    );
  }

  #pumpIn(delayMs: number): void {
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.pump();
    }, delayMs + 100);
    this.#retry.unref();
  }
}
