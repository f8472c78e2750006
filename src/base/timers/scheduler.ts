import type { AlarmSwitch } from '../alarms.js';
import { HeadlandError, isHeadlandError, messageOf } from '../errors.js';
import type { Log } from '../log.js';

/** Work whose runs are this far apart or more raises its alarm with the first failure. */
const RARE_MS = 2_000;
/** Failures in a row that raise the alarm of work that runs more often. */
const FAILURES_TO_ALARM = 3;
/** Vital work that has not ended a run for so long, beside its interval, counts as stuck. */
const STUCK_MS = 20_000;

/** Work that is done again and again. */
export interface RepeatedWork {
  /** Unique; `timer-<name>` is its alarm. */
  name: string;
  /** In words, after "cannot". */
  what: string;
  intervalMs: number;
  /** A run that has not ended is never joined by the next one. */
  run(): unknown;
  /** Keeps the process alive; default: it does not. */
  keepsAlive?: boolean;
  /** The daemon cannot do its job without it: see {@link Scheduler.stuck}. */
  vital?: boolean;
}

export interface Repetition {
  /** Ends the repetition, and its alarm; resolves when no run is under way. */
  stop(): Promise<void>;
}

/** What a part of the daemon needs of the {@link Scheduler}. */
export interface Repeats {
  every(work: RepeatedWork): Repetition;
}

interface Entry {
  work: RepeatedWork;
  timer: NodeJS.Timeout;
  running: Promise<void> | null;
  /** Monotonic, milliseconds: the end of the last run, else the beginning. */
  endedAtMs: number;
  failuresInRow: number;
}

export interface SchedulerOptions {
  alarms: AlarmSwitch;
  log: Log;
  /** Monotonic time, milliseconds. */
  nowMs?: () => number;
}

/**
 * The only place of the daemon that repeats work. A run that fails ends neither the repetition nor the
 * process: it is counted and logged, and work that keeps failing raises an alarm until it succeeds.
 */
export class Scheduler implements Repeats {
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;
  #failures = 0;

  constructor(private readonly options: SchedulerOptions) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Failed runs since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Runs the work after each interval of the monotonic clock, for the first time after one. */
  every(work: RepeatedWork): Repetition {
    this.#remove(work.name);
    const timer = setInterval(() => this.#begin(entry), work.intervalMs);
    if (work.keepsAlive !== true) timer.unref();
    const entry: Entry = {
      work,
      timer,
      running: null,
      endedAtMs: this.#nowMs(),
      failuresInRow: 0,
    };
    this.#entries.set(work.name, entry);
    return {
      stop: async () => {
        if (this.#entries.get(work.name) === entry) this.#remove(work.name);
        await entry.running;
      },
    };
  }

  /** Vital work that has not ended a run for long: names. The event loop runs, but that work does not. */
  stuck(): string[] {
    const nowMs = this.#nowMs();
    return [...this.#entries.values()]
      .filter(({ work, endedAtMs }) => {
        return work.vital === true && nowMs - endedAtMs > work.intervalMs + STUCK_MS;
      })
      .map(({ work }) => work.name);
  }

  /** For one of several parts of the same kind: its work is named after it, too. */
  of(part: string): Repeats {
    return { every: (work) => this.every({ ...work, name: `${work.name}-${part}` }) };
  }

  /** Ends all repetitions; resolves when no run is under way. */
  async stop(): Promise<void> {
    const running = [...this.#entries.values()].map((entry) => entry.running);
    for (const name of [...this.#entries.keys()]) this.#remove(name);
    await Promise.all(running);
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    clearInterval(entry.timer);
    this.#entries.delete(name);
    if (entry.failuresInRow > 0) this.#tell(() => this.options.alarms.clear(`timer-${name}`));
  }

  #begin(entry: Entry): void {
    if (entry.running) return;
    try {
      const result = entry.work.run();
      if (!(result instanceof Promise)) {
        this.#worked(entry);
        return;
      }
      entry.running = result
        .then(
          () => this.#worked(entry),
          (error: unknown) => this.#failed(entry, error),
        )
        .finally(() => {
          entry.running = null;
        });
    } catch (error) {
      this.#failed(entry, error);
    }
  }

  #worked(entry: Entry): void {
    entry.endedAtMs = this.#nowMs();
    if (entry.failuresInRow === 0) return;
    entry.failuresInRow = 0;
    this.#tell(() => this.options.alarms.clear(`timer-${entry.work.name}`));
  }

  #failed(entry: Entry, error: unknown): void {
    const { name, what, intervalMs } = entry.work;
    entry.endedAtMs = this.#nowMs();
    entry.failuresInRow += 1;
    this.#failures += 1;
    const isFirst = entry.failuresInRow === 1 && !isHeadlandError(error);
    this.#tell(() =>
      this.options.log[isFirst ? 'error' : 'debug']({ err: error }, `cannot ${what}`),
    );
    // The watch over the store has raised an alarm of its own.
    if (isHeadlandError(error) && error.code.startsWith('HL_STORE_')) return;
    if (intervalMs < RARE_MS && entry.failuresInRow < FAILURES_TO_ALARM) return;
    // It may have ended meanwhile.
    if (this.#entries.get(name) !== entry) return;
    this.#tell(() => this.options.alarms.raise(`timer-${name}`, failing(entry, error)));
  }

  /** Where even a report fails, for example for lack of memory or files, the next run goes on. */
  #tell(report: () => void): void {
    try {
      report();
    } catch {
      this.#failures += 1;
    }
  }
}

function failing({ work, failuresInRow }: Entry, error: unknown): HeadlandError {
  return new HeadlandError('HL_TIMER_FAILING', `cannot ${work.what}: ${messageOf(error)}`, {
    remedy:
      'Nothing if it ends by itself: headland tries again. If it stays, look whether the machine has free memory and files (`headland doctor`), then restart headland.',
    details: { work: work.name, failures: failuresInRow },
    cause: error,
  });
}
