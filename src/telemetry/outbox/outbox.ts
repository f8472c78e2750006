import { messageOf } from '../../base/errors.js';
import { kernelClock } from '../../base/time/kernel-clock.js';
import type { Database } from '../../storage/database.js';
import {
  noTotals,
  OUTBOX_CLASSES,
  type OutboxClass,
  type OutboxMessage,
  OutboxTable,
  type OutboxTotals,
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
/** After a kill as many acknowledged messages are sent again. */
const ACKS_PER_COMMIT = 250;
/** So many messages are read before they are needed. */
const AHEAD_MESSAGES = 20;
/** Limit of the messages kept in memory while the disk refuses writes. */
const MEMORY_MAX_BYTES = 1_048_576;

/** What one class may take of the outbox. */
export interface ClassRules {
  /** Null: as much as the whole outbox. */
  maxBytes: number | null;
  /** Null: as long as all others. */
  maxAgeMs: number | null;
  /** What goes when the class has reached its `maxBytes`. */
  drop: 'oldest' | 'newest';
}

const NO_RULES: ClassRules = { maxBytes: null, maxAgeMs: null, drop: 'oldest' };

export interface OutboxOptions {
  maxBytes: number;
  maxAgeMs: number;
  /** Default: the bounds of the whole outbox alone. */
  classes?: Partial<Record<OutboxClass, ClassRules>>;
  maxInFlight: number;
  /** Longest delay of metrics and acknowledgements until a shared commit. Default 1 s. */
  flushIntervalMs?: number;
  /** Default: the clocks of this machine, and no date is trusted. */
  clocks?: Partial<ClockSources>;
}

/** What one stored message takes of the outbox. */
interface Share {
  class: OutboxClass;
  bytes: number;
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
  readonly #options: Required<Omit<OutboxOptions, 'clocks' | 'classes'>>;
  readonly #rules: Readonly<Record<OutboxClass, ClassRules>>;
  readonly #clocks: ClockSources;
  readonly #inFlight = new Map<number, Share>();
  readonly #acknowledged = new Set<number>();
  /** What they take of the table. */
  #leaving = noTotals();
  readonly #deferred = new Map<number, number>();
  readonly #dropped: Record<OutboxClass, number> = {
    event: 0,
    report: 0,
    metrics: 0,
    result: 0,
    fleet: 0,
  };
  /** Messages that a limit has dropped, in contrast to those that expired. */
  #lostToLimits = 0;
  readonly #waiting = new WaitingRoom();
  /** What the table holds as of the last commit. */
  #totals = noTotals();
  #clock: AgeClock;
  /** Read ahead of the cursor, oldest first. */
  #ahead: StoredMessage[] = [];
  /** Id of the last message that was read. */
  #cursor = 0;
  /** Stored messages that have expired before they could be sent. */
  readonly #expired = new Map<number, Victim>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #markedAtMs = Number.NEGATIVE_INFINITY;
  #writeFailures = 0;
  #lastError: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #onReady: () => void = () => {};
  #closed = false;
  #isCommitDue = false;

  /**
   * @param database open; the outbox migrates its own table and never closes the database
   * @throws HeadlandError HL_STORE_…
   */
  constructor(database: Database, options: OutboxOptions) {
    const { classes = {}, clocks: _clocks, ...bounds } = options;
    this.#options = { flushIntervalMs: 1_000, ...bounds };
    const rulesOf = (name: OutboxClass): ClassRules => classes[name] ?? NO_RULES;
    this.#rules = {
      event: rulesOf('event'),
      report: rulesOf('report'),
      metrics: rulesOf('metrics'),
      result: rulesOf('result'),
      fleet: rulesOf('fleet'),
    };
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
   *   refuses writes); `too large` = larger than the whole outbox, or than its class may be; `invalid` = holds
   *   a value that the database cannot store; `full` = its class is full and keeps what is older. The
   *   last three are dropped and counted: a message that cannot be stored would make every later commit fail
   */
  enqueue(message: OutboxMessage): 'stored' | 'waiting' | 'too large' | 'invalid' | 'full' {
    const refusal = this.#refusalOf(message);
    if (refusal !== null) {
      this.#dropped[message.class]++;
      if (refusal === 'full') this.#lostToLimits++;
      return refusal;
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
   * Replaces what waits of a subject by other messages, in one commit. What is on its way to the
   * broker stays.
   * @returns false when the disk has refused it, or a message is too large: nothing has changed then
   */
  replace(name: OutboxClass, subject: string, messages: readonly OutboxMessage[]): boolean {
    if (messages.some((message) => this.#refusalOf(message) !== null)) return false;
    const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
    const maxBytes = this.#rules[name].maxBytes ?? this.#options.maxBytes;
    if (bytes > Math.min(maxBytes, this.#options.maxBytes)) return false;
    if (!this.flush()) return false;
    const totals = copyOf(this.#totals);
    const replaced: Victim[] = [];
    const nowMs = this.#clock.nowMs();
    try {
      this.#table.transaction(() => {
        for (const victim of this.#table.ofSubject(name, subject)) {
          if (this.#inFlight.has(victim.id) || this.#acknowledged.has(victim.id)) continue;
          this.#table.delete(victim.id);
          count(totals[name], -1, -victim.bytes);
          replaced.push(victim);
        }
        for (const message of messages) {
          this.#table.insert({ ...message, class: name, subject }, nowMs);
          count(totals[name], 1, sizeOf(message));
        }
      });
    } catch (error) {
      this.#writeFailures++;
      this.#lastError = messageOf(error);
      return false;
    }
    this.#totals = totals;
    const gone = new Set(replaced.map(({ id }) => id));
    this.#ahead = this.#ahead.filter(({ id }) => !gone.has(id));
    for (const id of gone) {
      this.#deferred.delete(id);
      this.#expired.delete(id);
    }
    // Room for them, as for any other message.
    this.#sweptAtMs = Number.NEGATIVE_INFINITY;
    this.flush();
    this.#onReady();
    return true;
  }

  /** Messages of a subject that the broker has not acknowledged. */
  waitingOf(name: OutboxClass, subject: string): number {
    return this.#read(
      () =>
        this.#table.ofSubject(name, subject).filter(({ id }) => !this.#acknowledged.has(id)).length,
      0,
    );
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
      this.#inFlight.set(message.id, { class: message.class, bytes: sizeOf(message) });
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
    const share = this.#inFlight.get(id);
    if (share === undefined) return;
    this.#inFlight.delete(id);
    this.#acknowledged.add(id);
    count(this.#leaving[share.class], 1, share.bytes);
    if (this.#acknowledged.size >= ACKS_PER_COMMIT) this.#commitSoon();
    else this.#schedule();
  }

  /**
   * Reads the messages that {@link take} will return next. To be called while the broker answers: reading
   * then delays nothing.
   */
  readAhead(): void {
    if (this.#ahead.length >= AHEAD_MESSAGES || this.#inFlight.size === 0) return;
    const last = this.#ahead.at(-1)?.id ?? this.#cursor;
    this.#ahead.push(...this.#read(() => this.#table.after(last), []));
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
    this.#rewind(0);
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
    const isIdle = ready.length + this.#acknowledged.size + this.#expired.size === 0;
    if (isIdle && !sweepDue) return true;
    const look = this.#isMarkDue() ? this.#clock.look() : null;
    const totals = copyOf(this.#totals);
    const lost: Victim[] = [];
    try {
      this.#table.transaction(() => {
        this.#deleteAcknowledged(totals);
        for (const { message, queuedAtMs } of ready) {
          this.#table.insert(message, queuedAtMs);
          count(totals[message.class], 1, sizeOf(message));
        }
        if (look !== null) this.#saveClock(look);
        const lose = (victim: Victim): void => {
          this.#table.delete(victim.id);
          count(totals[victim.class], -1, -victim.bytes);
          lost.push(victim);
        };
        for (const victim of this.#expired.values()) lose(victim);
        if (sweepDue) this.#sweep(look?.mark.clockMs ?? this.#clock.nowMs(), lose);
        this.#makeRoom(totals, lose);
      });
    } catch (error) {
      this.#writeFailures++;
      this.#lastError = messageOf(error);
      for (const lostClass of this.#waiting.trim(MEMORY_MAX_BYTES)) {
        this.#dropped[lostClass]++;
        this.#lostToLimits++;
      }
      this.#schedule();
      this.#onReady();
      return false;
    }
    if (look !== null) {
      this.#clock.follow(look);
      this.#waiting.moveTimes(look.without?.byMs ?? 0);
      this.#markedAtMs = this.#clocks.monotonic();
      // What was read ahead has other times now.
      if (look.without !== null) this.#rewind((this.#ahead[0]?.id ?? this.#cursor + 1) - 1);
    }
    // What is left to clear away follows with the next commit.
    const isSwept = lost.length < SWEEP_AT_MOST;
    if (sweepDue && isSwept) this.#sweptAtMs = this.#clocks.monotonic();
    this.#lastError = null;
    this.#totals = totals;
    this.#acknowledged.clear();
    this.#leaving = noTotals();
    this.#expired.clear();
    this.#waiting.remove(new Set(ready.map(({ id }) => id)));
    this.#forget(lost);
    if (ready.length > 0) this.#onReady();
    return true;
  }

  /** Messages dropped since the start, for whatever reason, by class. */
  get dropped(): Readonly<Record<OutboxClass, number>> {
    return this.#dropped;
  }

  /** Number of messages that the broker has not acknowledged. */
  get waiting(): number {
    return this.#stored.messages - this.#acknowledged.size + this.#waiting.length;
  }

  /** Messages since the start that were dropped because of size or age, in contrast to those that expired. */
  get lostToLimits(): number {
    return this.#lostToLimits;
  }

  stats(): OutboxStats {
    const onDiskMs = this.#read(() => this.#table.oldestQueuedAtMs(), null);
    const oldestMs = onDiskMs ?? this.#waiting.oldestQueuedAtMs;
    return {
      messages: this.waiting,
      bytes: this.#stored.bytes + this.#waiting.bytes,
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
    this.#leaving = noTotals();
    this.#deferred.clear();
    this.#expired.clear();
    this.#rewind(0);
    this.#totals = this.#table.totals();
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
      if (this.#ahead.length === 0) this.#ahead = this.#table.after(this.#cursor);
      const message = this.#ahead.shift();
      if (!message) return null;
      this.#cursor = message.id;
      const { id, expiresAtMs } = message;
      if (this.#acknowledged.has(id) || this.#inFlight.has(id) || this.#deferred.has(id)) continue;
      if (expiresAtMs !== null && expiresAtMs <= this.#clock.nowMs()) {
        this.#expired.set(id, { ...message, bytes: sizeOf(message) });
        this.#schedule();
        continue;
      }
      return message;
    }
  }

  /** The next message that is read is the first one after `id`. */
  #rewind(id: number): void {
    this.#ahead = [];
    this.#cursor = id;
  }

  get #stored(): OutboxTotals {
    const all = Object.values(this.#totals);
    return {
      messages: all.reduce((sum, { messages }) => sum + messages, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  #refusalOf(message: OutboxMessage): 'too large' | 'invalid' | 'full' | null {
    const { maxBytes, drop } = this.#rules[message.class];
    const bytes = sizeOf(message);
    if (bytes > Math.min(this.#options.maxBytes, maxBytes ?? Number.POSITIVE_INFINITY)) {
      return 'too large';
    }
    if (whyNotQueueable(message) !== null) return 'invalid';
    if (maxBytes === null || drop === 'oldest') return null;
    const taken = this.#totals[message.class].bytes + this.#waiting.bytesOf(message.class);
    return taken + bytes > maxBytes ? 'full' : null;
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

  /** Deletes ranges of ids: neighbours are mostly acknowledged together. */
  #deleteAcknowledged(totals: Record<OutboxClass, OutboxTotals>): void {
    let first: number | null = null;
    let last = 0;
    const ids = [...this.#acknowledged].sort((one, other) => one - other);
    for (const id of ids) {
      if (first !== null && id !== last + 1) {
        this.#table.deleteRange(first, last);
        first = null;
      }
      first ??= id;
      last = id;
    }
    if (first !== null) this.#table.deleteRange(first, last);
    for (const name of OUTBOX_CLASSES) {
      const { messages, bytes } = this.#leaving[name];
      count(totals[name], -messages, -bytes);
    }
  }

  /**
   * The oldest of each class, up to the first that is neither too old nor expired. An expired one behind it
   * is found when it would be sent.
   */
  #sweep(nowMs: number, lose: (victim: Victim) => void): void {
    let left = SWEEP_AT_MOST;
    for (const name of OUTBOX_CLASSES) {
      const maxAgeMs = Math.min(
        this.#options.maxAgeMs,
        this.#rules[name].maxAgeMs ?? Number.POSITIVE_INFINITY,
      );
      for (const victim of this.#table.oldest({ class: name })) {
        const { queuedAtMs, expiresAtMs } = victim;
        const isOutdated =
          queuedAtMs < nowMs - maxAgeMs || (expiresAtMs !== null && expiresAtMs <= nowMs);
        if (!isOutdated || left === 0) break;
        left -= 1;
        lose(victim);
      }
    }
  }

  /** First what is too much of one class, then of all together. */
  #makeRoom(
    totals: Readonly<Record<OutboxClass, OutboxTotals>>,
    lose: (victim: Victim) => void,
  ): void {
    for (const name of OUTBOX_CLASSES) {
      const maxBytes = this.#rules[name].maxBytes ?? Number.POSITIVE_INFINITY;
      const tooMuch = (): boolean => totals[name].bytes > maxBytes;
      this.#loseWhile(tooMuch, { class: name }, lose);
    }
    const tooMuch = (): boolean =>
      Object.values(totals).reduce((sum, { bytes }) => sum + bytes, 0) > this.#options.maxBytes;
    this.#loseWhile(tooMuch, { class: 'metrics' }, lose);
    // What the hub misses is sent again.
    this.#loseWhile(tooMuch, { class: 'fleet' }, lose);
    this.#loseWhile(tooMuch, { not: 'metrics' }, lose);
  }

  #loseWhile(
    tooMuch: () => boolean,
    which: { class: OutboxClass } | { not: OutboxClass },
    lose: (victim: Victim) => void,
  ): void {
    if (!tooMuch()) return;
    for (const victim of this.#table.oldest(which)) {
      lose(victim);
      if (!tooMuch()) return;
    }
  }

  /** Counts what was lost; it must be neither sent nor subtracted a second time. */
  #forget(lost: readonly Victim[]): void {
    if (lost.length === 0) return;
    const nowMs = this.#clock.nowMs();
    const ids = new Set(lost.map(({ id }) => id));
    this.#ahead = this.#ahead.filter(({ id }) => !ids.has(id));
    for (const victim of lost) {
      this.#dropped[victim.class]++;
      if (victim.expiresAtMs === null || victim.expiresAtMs > nowMs) this.#lostToLimits++;
      this.#deferred.delete(victim.id);
      this.#inFlight.delete(victim.id);
    }
  }

  #inFlightCount(): number {
    return this.#inFlight.size + this.#waiting.inFlight;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#tryFlush();
    }, this.#options.flushIntervalMs);
    this.#timer.unref();
  }

  /** Once what comes next is on its way to the broker. */
  #commitSoon(): void {
    if (this.#isCommitDue) return;
    this.#isCommitDue = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#isCommitDue = false;
        if (!this.#closed) this.#tryFlush();
      }),
    );
  }

  #tryFlush(): void {
    try {
      this.flush();
    } catch (error) {
      // What listens has failed; the next message or the next second tries again.
      this.#lastError = messageOf(error);
    }
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function count(totals: OutboxTotals, messages: number, bytes: number): void {
  totals.messages += messages;
  totals.bytes += bytes;
}

function copyOf(totals: Record<OutboxClass, OutboxTotals>): Record<OutboxClass, OutboxTotals> {
  const { event, report, metrics, result, fleet } = totals;
  return {
    event: { ...event },
    report: { ...report },
    metrics: { ...metrics },
    result: { ...result },
    fleet: { ...fleet },
  };
}
