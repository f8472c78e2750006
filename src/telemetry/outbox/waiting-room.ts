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
  #waiting: Waiting[] = [];
  #ids = 0;

  add(message: OutboxMessage, queuedAtMs: number): number {
    const id = -++this.#ids;
    this.#waiting.push({ id, message, queuedAtMs, inFlight: false, notBeforeMs: 0 });
    return id;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#waiting.reduce((sum, { message }) => sum + sizeOf(message), 0);
  }

  get inFlight(): number {
    return this.#waiting.filter((waiting) => waiting.inFlight).length;
  }

  get oldestQueuedAtMs(): number | undefined {
    return this.#waiting[0]?.queuedAtMs;
  }

  has(id: number): boolean {
    return this.#waiting.some((waiting) => waiting.id === id);
  }

  /** Messages that may be written: one in flight waits for its acknowledgement or refusal. */
  ready(): Waiting[] {
    return this.#waiting.filter((waiting) => !waiting.inFlight);
  }

  /** The first message that may be sent at `nowMs`; marks it as in flight. */
  take(nowMs: number): StoredMessage | null {
    const next = this.#waiting.find((waiting) => !waiting.inFlight && waiting.notBeforeMs <= nowMs);
    if (!next) return null;
    next.inFlight = true;
    const { id, message, queuedAtMs } = next;
    const { expirySeconds } = message;
    const expiresAtMs = expirySeconds === undefined ? null : queuedAtMs + expirySeconds * 1_000;
    return { ...message, id, queuedAtMs, expiresAtMs };
  }

  /** @returns false when the message is not here */
  defer(id: number, untilMs: number): boolean {
    const waiting = this.#waiting.find((candidate) => candidate.id === id);
    if (!waiting) return false;
    waiting.inFlight = false;
    waiting.notBeforeMs = untilMs;
    return true;
  }

  release(): void {
    for (const waiting of this.#waiting) waiting.inFlight = false;
  }

  remove(ids: ReadonlySet<number>): void {
    this.#waiting = this.#waiting.filter((waiting) => !ids.has(waiting.id));
  }

  /** Another clock for ages, which is `byMs` ahead of the one before, is used from now on. */
  moveTimes(byMs: number): void {
    for (const waiting of this.#waiting) waiting.queuedAtMs += byMs;
  }

  /** Drops the oldest metrics, then the oldest of the rest, down to `maxBytes`. */
  trim(maxBytes: number): OutboxClass[] {
    const lost: OutboxClass[] = [];
    while (this.bytes > maxBytes && this.#waiting.length > 1) {
      const metrics = this.#waiting.findIndex(({ message }) => message.class === 'metrics');
      const [victim] = this.#waiting.splice(Math.max(0, metrics), 1);
      if (victim) lost.push(victim.message.class);
    }
    return lost;
  }
}
