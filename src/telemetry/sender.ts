import type { Log } from '../log.js';
import type { Connection, Publication } from './connection.js';
import type { Outbox, StoredMessage } from './outbox.js';

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
 * Feeds the connection: retained states first, then the outbox, with at most `maxInFlight`
 * messages (less where the broker's Receive Maximum says so) that await their PUBACK.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #retained = new Map<string, () => Publication | null>();
  readonly #dirty = new Set<string>();
  /** Ids of outbox messages that await their PUBACK, oldest first. */
  readonly #awaiting = new Set<number>();
  #retainedInFlight = 0;
  #acknowledged = 0;
  #suspect: number | null = null;
  #strikes = 0;
  #retry: NodeJS.Timeout | null = null;
  #onDrained: (() => void) | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
    options.outbox.setListener(() => this.pump());
  }

  /** Sets a retained state: `compose` is asked at every sending, also after a reconnect. */
  retain(key: string, compose: () => Publication | null): void {
    this.#retained.set(key, compose);
    this.#dirty.add(key);
    this.pump();
  }

  connected(): void {
    for (const key of this.#retained.keys()) this.#dirty.add(key);
    this.#acknowledged = 0;
    this.pump();
  }

  disconnected(): void {
    this.#judge();
    this.#awaiting.clear();
    this.#retainedInFlight = 0;
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
    if (connection === null) return;
    const window = Math.min(this.#options.maxInFlight, connection.receiveMaximum);
    for (const key of [...this.#dirty]) {
      if (this.#inFlight >= window) return;
      this.#dirty.delete(key);
      this.#sendRetained(connection, key);
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
    return this.#awaiting.size + this.#retainedInFlight;
  }

  #sendRetained(connection: Connection, key: string): void {
    const publication = this.#retained.get(key)?.();
    if (!publication) return;
    this.#retainedInFlight++;
    connection.publish(publication, (refusal) => {
      this.#retainedInFlight--;
      if (refusal !== null) this.#warnOfRefusal(publication.topic, refusal);
      this.#settled();
    });
  }

  #send(connection: Connection, message: StoredMessage): void {
    const { id, topic, payload, retain, correlation, expiresAtMs } = message;
    const { outbox, log } = this.#options;
    const size = payload.byteLength + topic.length + PACKET_OVERHEAD_BYTES;
    if (size > connection.maximumPacketSize) {
      outbox.defer(id, SET_ASIDE_MS);
      log.error({ code: 'HL_BROKER_PACKET_TOO_LARGE', topic, bytes: size }, 'message set aside');
      return;
    }
    this.#awaiting.add(id);
    connection.publish(
      {
        topic,
        payload,
        qos: 1,
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
