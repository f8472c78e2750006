import {
  type OutboxClass,
  type OutboxMessage,
  type StoredMessage,
  sizeOf,
} from '../../storage/outbox-table.js';

/** A message that is not on disk yet. */
export interface Waiting {
  /** Negative, so that it never equals an id of the table. */
  id: number;
  message: OutboxMessage;
  /** By the clock for ages, milliseconds. */
  queuedAtMs: number;
  inFlight: boolean;
  /** Monotonic milliseconds before which it is not offered. */
  notBeforeMs: number;
}

/** Messages that wait for a commit. While the disk refuses writes, they are sent from here. */
export class WaitingRoom {
  /** By id, oldest first. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #bytes: Record<OutboxClass, number> = {
    event: 0,
    report: 0,
    metrics: 0,
    result: 0,
    fleet: 0,
  };
  #inFlight = 0;
  #ids = 0;

  add(message: OutboxMessage, queuedAtMs: number): number {
    const id = -++this.#ids;
    this.#waiting.set(id, { id, message, queuedAtMs, inFlight: false, notBeforeMs: 0 });
    this.#bytes[message.class] += sizeOf(message);
    return id;
  }

  get length(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return Object.values(this.#bytes).reduce((sum, bytes) => sum + bytes, 0);
  }

  bytesOf(name: OutboxClass): number {
    return this.#bytes[name];
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get oldestQueuedAtMs(): number | undefined {
    for (const { queuedAtMs } of this.#waiting.values()) return queuedAtMs;
    return undefined;
  }

  has(id: number): boolean {
    return this.#waiting.has(id);
  }

  /** Messages that may be written: one in flight waits for its acknowledgement or refusal. */
  ready(): Waiting[] {
    return [...this.#waiting.values()].filter((waiting) => !waiting.inFlight);
  }

  /** The first message that may be sent at `nowMs`; marks it as in flight. */
  take(nowMs: number): StoredMessage | null {
    if (this.#inFlight === this.#waiting.size) return null;
    const next = this.#firstOf((waiting) => !waiting.inFlight && waiting.notBeforeMs <= nowMs);
    if (!next) return null;
    this.#setInFlight(next, true);
    const { id, message, queuedAtMs } = next;
    const { expirySeconds } = message;
    const expiresAtMs = expirySeconds === undefined ? null : queuedAtMs + expirySeconds * 1_000;
    return { ...message, id, queuedAtMs, expiresAtMs };
  }

  /** @returns false when the message is not here */
  defer(id: number, untilMs: number): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#setInFlight(waiting, false);
    waiting.notBeforeMs = untilMs;
    return true;
  }

  release(): void {
    for (const waiting of this.#waiting.values()) this.#setInFlight(waiting, false);
  }

  remove(ids: ReadonlySet<number>): void {
    for (const id of ids) {
      const waiting = this.#waiting.get(id);
      if (!waiting) continue;
      this.#setInFlight(waiting, false);
      this.#bytes[waiting.message.class] -= sizeOf(waiting.message);
      this.#waiting.delete(id);
    }
  }

  /** Another clock for ages, which is `byMs` ahead of the one before, is used from now on. */
  moveTimes(byMs: number): void {
    for (const waiting of this.#waiting.values()) waiting.queuedAtMs += byMs;
  }

  /** Drops the oldest metrics, then the oldest of the rest, down to `maxBytes`. */
  trim(maxBytes: number): OutboxClass[] {
    const lost: OutboxClass[] = [];
    while (this.bytes > maxBytes && this.#waiting.size > 1) {
      const isMetrics = ({ message }: Waiting): boolean => message.class === 'metrics';
      const victim = this.#firstOf(isMetrics) ?? this.#firstOf(() => true);
      if (!victim) break;
      this.remove(new Set([victim.id]));
      lost.push(victim.message.class);
    }
    return lost;
  }

  #firstOf(wanted: (waiting: Waiting) => boolean): Waiting | null {
    for (const waiting of this.#waiting.values()) if (wanted(waiting)) return waiting;
    return null;
  }

  #setInFlight(waiting: Waiting, inFlight: boolean): void {
    if (waiting.inFlight === inFlight) return;
    waiting.inFlight = inFlight;
    this.#inFlight += inFlight ? 1 : -1;
  }
}
