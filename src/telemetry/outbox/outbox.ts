import { messageOf } from '../../base/errors.js';
import { kernelClock } from '../../base/time/kernel-clock.js';
import type { Database } from '../../storage/database.js';
import {
  type OutboxClass,
  type OutboxMessage,
  OutboxTable,
  type StoredMessage,
  sizeOf,
  type Victim,
  whyNotQueueable,
} from '../../storage/outbox-table.js';
import { AgeClock, type ClockLook, type ClockSources } from './age-clock.js';
import type { OutboxStats } from './telemetry-statistics.js';
import { WaitingRoom } from './waiting-room.js';

export type { OutboxMessage, StoredMessage } from '../../storage/outbox-table.js';

const SWEEP_INTERVAL_MS = 60_000;
const SWEEP_AT_MOST = 1_000;
/** Time that the clock for ages may lose at a power cut. */
const MARK_INTERVAL_MS = 10_000;
const ACKS_PER_COMMIT = 16;
/** Limit of the messages kept in memory while the disk refuses writes. */
const MEMORY_MAX_BYTES = 1_048_576;

export interface OutboxOptions {
  maxBytes: number;
  maxAgeMs: number;
  maxInFlight: number;
  /** Longest delay of metrics and acknowledgements until a shared commit. Default 1 s. */
  flushIntervalMs?: number;
  /** Default: the clocks of this machine, and no date is trusted. */
  clocks?: Partial<ClockSources>;
}

/**
 * A durable queue of messages for the broker, across restarts of daemon and broker. Messages are
 * delivered at least once and, except for metrics, in order. Events, reports and results are durable
 * when `enqueue` returns. Metrics share commits, and a metric that is acknowledged before the next
 * commit never reaches the disk. Above `maxBytes` the oldest metrics are dropped first, then the
 * oldest of the rest; every loss is counted. While the disk refuses writes, a bounded number of
 * messages is kept in memory and sent from there.
 */
export class Outbox {
  readonly #table: OutboxTable;
  readonly #options: Required<Omit<OutboxOptions, 'clocks'>>;
  readonly #clocks: ClockSources;
  readonly #inFlight = new Map<number, number>();
  readonly #acknowledged = new Map<number, number>();
  readonly #deferred = new Map<number, number>();
  readonly #dropped: Record<OutboxClass, number> = { event: 0, report: 0, metrics: 0, result: 0 };
  readonly #waiting = new WaitingRoom();
  /** Totals of the table as of the last commit. */
  #messages = 0;
  #bytes = 0;
  #clock: AgeClock;
  #cursor = 0;
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #markedAtMs = Number.NEGATIVE_INFINITY;
  #writeFailures = 0;
  #lastError: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #onReady: () => void = () => {};
  #closed = false;

  /**
   * @param database open; the outbox migrates its own table and never closes the database
   * @throws HeadlandError HL_STORE_…
   */
  constructor(database: Database, options: OutboxOptions) {
    this.#options = { flushIntervalMs: 1_000, ...options };
    this.#clocks = {
      monotonic: () => performance.now(),
      kernel: kernelClock,
      now: Date.now,
      isDateTrusted: () => false,
      ...options.clocks,
    };
    this.#table = new OutboxTable(database);
    this.#clock = new AgeClock(null, this.#clocks);
    database.whenOpened(() => this.#takeStock());
  }

  /** Sets the function to call when new messages are ready for `take`. */
  setListener(onReady: () => void): void {
    this.#onReady = onReady;
  }

  /**
   * Adds a message.
   * @returns `stored` = durable; `waiting` = in memory until the next commit (metrics, or the disk
   *   refuses writes); `too large` = larger than the whole outbox; `invalid` = holds a value that
   *   the database cannot store. The last two are dropped and counted, because such a message would
   *   make every later commit fail
   */
  enqueue(message: OutboxMessage): 'stored' | 'waiting' | 'too large' | 'invalid' {
    const tooLarge = sizeOf(message) > this.#options.maxBytes;
    if (tooLarge || whyNotQueueable(message) !== null) {
      this.#dropped[message.class]++;
      return tooLarge ? 'too large' : 'invalid';
    }
    const id = this.#waiting.add(message, this.#clock.nowMs());
    if (message.class === 'metrics' && this.#waiting.bytes < MEMORY_MAX_BYTES) {
      this.#schedule();
      this.#onReady();
      return 'waiting';
    }
    this.flush();
    return this.#waiting.has(id) ? 'waiting' : 'stored';
  }

  /**
   * The next messages, oldest first, at most `limit` and never more than `maxInFlight` at a time.
   * They stay in the outbox until {@link acknowledge}.
   */
  take(limit: number): StoredMessage[] {
    const taken: StoredMessage[] = [];
    const free = () =>
      Math.min(limit - taken.length, this.#options.maxInFlight - this.#inFlightCount());
    while (free() > 0) {
      const message = this.#read(() => this.#nextDeferred() ?? this.#nextStored(), null);
      if (!message) break;
      this.#inFlight.set(message.id, sizeOf(message));
      taken.push(this.#withTimeLeft(message));
    }
    // While the disk works, only metrics are in memory: all else is stored before it is sent.
    while (free() > 0) {
      const message = this.#waiting.take(this.#clocks.monotonic());
      if (!message) break;
      taken.push(this.#withTimeLeft(message));
    }
    return taken;
  }

  /** The broker has acknowledged the message: deletes it with the next commit. */
  acknowledge(id: number): void {
    if (id < 0) {
      this.#waiting.remove(new Set([id]));
      return;
    }
    const bytes = this.#inFlight.get(id);
    if (bytes === undefined) return;
    this.#inFlight.delete(id);
    this.#acknowledged.set(id, bytes);
    if (this.#acknowledged.size >= ACKS_PER_COMMIT) this.flush();
    else this.#schedule();
  }

  /** The broker has refused the message: offers it again after `delayMs`, others before it. */
  defer(id: number, delayMs: number): void {
    const untilMs = this.#clocks.monotonic() + delayMs;
    if (this.#waiting.defer(id, untilMs)) return;
    if (this.#inFlight.delete(id)) this.#deferred.set(id, untilMs);
  }

  /** The connection is lost: messages in flight are offered again, in their original order. */
  release(): void {
    this.#inFlight.clear();
    this.#waiting.release();
    this.#cursor = 0;
    if (this.#acknowledged.size > 0) this.flush();
  }

  /**
   * Commits pending changes: new messages, acknowledgements, and removals because of the limits.
   * @returns false when the disk refused the write; it is retried later
   */
  flush(): boolean {
    this.#stopTimer();
    const ready = this.#waiting.ready();
    const sweepDue = this.#clocks.monotonic() - this.#sweptAtMs >= SWEEP_INTERVAL_MS;
    if (ready.length === 0 && this.#acknowledged.size === 0 && !sweepDue) return true;
    const look = this.#isMarkDue() ? this.#clock.look() : null;
    const lost: Victim[] = [];
    let removedBytes = 0;
    let addedBytes = 0;
    try {
      this.#table.transaction(() => {
        for (const [id, bytes] of this.#acknowledged) {
          this.#table.delete(id);
          removedBytes += bytes;
        }
        for (const { message, queuedAtMs } of ready) {
          this.#table.insert(message, queuedAtMs);
          addedBytes += sizeOf(message);
        }
        if (look !== null) this.#saveClock(look);
        if (sweepDue) lost.push(...this.#outdated(look?.mark.clockMs ?? this.#clock.nowMs()));
        for (const victim of lost) this.#table.delete(victim.id);
        const gone = lost.reduce((sum, victim) => sum + victim.bytes, 0);
        lost.push(...this.#makeRoom(this.#bytes + addedBytes - removedBytes - gone));
      });
    } catch (error) {
      this.#writeFailures++;
      this.#lastError = messageOf(error);
      for (const lostClass of this.#waiting.trim(MEMORY_MAX_BYTES)) this.#dropped[lostClass]++;
      this.#schedule();
      this.#onReady();
      return false;
    }
    if (look !== null) {
      this.#clock.follow(look);
      this.#waiting.moveTimes(look.without?.byMs ?? 0);
      this.#markedAtMs = this.#clocks.monotonic();
    }
    if (sweepDue) this.#sweptAtMs = this.#clocks.monotonic();
    this.#lastError = null;
    const lostBytes = lost.reduce((sum, victim) => sum + victim.bytes, 0);
    this.#bytes += addedBytes - removedBytes - lostBytes;
    this.#messages += ready.length - this.#acknowledged.size - lost.length;
    this.#acknowledged.clear();
    this.#waiting.remove(new Set(ready.map(({ id }) => id)));
    for (const victim of lost) {
      this.#dropped[victim.class]++;
      this.#deferred.delete(victim.id);
      // A late acknowledgement must not be subtracted a second time.
      this.#inFlight.delete(victim.id);
    }
    if (ready.length > 0) this.#onReady();
    return true;
  }

  stats(): OutboxStats {
    const onDiskMs = this.#read(() => this.#table.oldestQueuedAtMs(), null);
    const oldestMs = onDiskMs ?? this.#waiting.oldestQueuedAtMs;
    return {
      messages: this.#messages - this.#acknowledged.size + this.#waiting.length,
      bytes: this.#bytes + this.#waiting.bytes,
      oldestSeconds:
        oldestMs === undefined ? 0 : Math.max(0, (this.#clock.nowMs() - oldestMs) / 1_000),
      dropped: { ...this.#dropped },
      writeFailures: this.#writeFailures,
      lastError: this.#lastError,
    };
  }

  /** Commits pending changes and stops the timer; the database stays open. */
  close(): void {
    this.#closed = true;
    this.#waiting.release();
    this.#sweptAtMs = this.#markedAtMs = Number.NEGATIVE_INFINITY;
    this.flush();
    this.#stopTimer();
  }

  /** Resets the counters to a table that has just been opened. */
  #takeStock(): void {
    this.#inFlight.clear();
    this.#acknowledged.clear();
    this.#deferred.clear();
    this.#cursor = 0;
    ({ messages: this.#messages, bytes: this.#bytes } = this.#table.totals());
    const before = this.#clock;
    this.#clock = new AgeClock(this.#table.savedClock(), this.#clocks);
    this.#waiting.moveTimes(this.#clock.nowMs() - before.nowMs());
    this.#markedAtMs = Number.NEGATIVE_INFINITY;
  }

  #nextDeferred(): StoredMessage | null {
    for (const [id, untilMs] of this.#deferred) {
      if (untilMs > this.#clocks.monotonic()) continue;
      this.#deferred.delete(id);
      const message = this.#table.get(id);
      if (message) return message;
    }
    return null;
  }

  #nextStored(): StoredMessage | null {
    for (;;) {
      const message = this.#table.after(this.#cursor);
      if (!message) return null;
      this.#cursor = message.id;
      const { id } = message;
      if (this.#acknowledged.has(id) || this.#inFlight.has(id) || this.#deferred.has(id)) continue;
      // The sweep will delete and count it.
      if (message.expiresAtMs !== null && message.expiresAtMs <= this.#clock.nowMs()) continue;
      return message;
    }
  }

  /** Reads the table; an unreadable disk must not stop messages that are in memory. */
  #read<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (error) {
      this.#lastError = messageOf(error);
      return otherwise;
    }
  }

  /** Sets `expirySeconds` to the remaining lifetime, for the broker. */
  #withTimeLeft(message: StoredMessage): StoredMessage {
    if (message.expiresAtMs === null) return message;
    return { ...message, expirySeconds: (message.expiresAtMs - this.#clock.nowMs()) / 1_000 };
  }

  #isMarkDue(): boolean {
    return this.#clocks.monotonic() - this.#markedAtMs >= MARK_INTERVAL_MS;
  }

  #saveClock({ mark, without }: ClockLook): void {
    this.#table.saveClock(mark);
    if (without !== null) this.#table.moveTimes(without.sinceMs, without.byMs);
  }

  /** Messages that are too old or have expired. */
  #outdated(nowMs: number): Victim[] {
    return this.#table.outdated(nowMs - this.#options.maxAgeMs, nowMs, SWEEP_AT_MOST);
  }

  #makeRoom(bytes: number): Victim[] {
    const victims: Victim[] = [];
    let left = bytes;
    for (const which of [{ class: 'metrics' }, { not: 'metrics' }] as const) {
      if (left <= this.#options.maxBytes) break;
      for (const victim of this.#table.oldest(which)) {
        if (left <= this.#options.maxBytes) break;
        this.#table.delete(victim.id);
        left -= victim.bytes;
        victims.push(victim);
      }
    }
    return victims;
  }

  #inFlightCount(): number {
    return this.#inFlight.size + this.#waiting.inFlight;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.flush();
      } catch (error) {
        // What listens has failed; the next message or the next second tries again.
        this.#lastError = messageOf(error);
      }
    }, this.#options.flushIntervalMs);
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
