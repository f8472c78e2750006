import { pino } from 'pino';
import { Alarms, NO_ALARMS } from '../src/base/alarms.js';
import { type Log, silentLog } from '../src/base/log.js';
import { Scheduler } from '../src/base/timers/scheduler.js';
import { HANG_MS } from './liveness.js';

interface Wait<T> {
  matches: (value: T) => boolean;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/** What happened, in order, and promises of what is to come: no test has to look again and again. */
export class Recorder<T> {
  readonly all: T[] = [];
  readonly #waits = new Set<Wait<T>>();
  #over: Error | null = null;

  /** A method of its own, so that it can be handed over as a listener. */
  readonly add = (value: T): void => {
    this.all.push(value);
    for (const wait of this.#waits) if (wait.matches(value)) wait.resolve(value);
  };

  /** Nothing more will come: whoever waits, now or later, is told why. */
  end(error: Error): void {
    this.#over = error;
    for (const { reject } of this.#waits) reject(error);
  }

  /** The first that matches, of those that came or will come; rejects when it hangs. */
  until(matches: (value: T) => boolean, what = 'an event'): Promise<T> {
    const found = this.all.find(matches);
    return found === undefined ? this.next(matches, what) : Promise.resolve(found);
  }

  /** The first that matches of those that come from now on. */
  async next(matches: (value: T) => boolean = () => true, what = 'an event'): Promise<T> {
    if (this.#over) throw this.#over;
    let wait: Wait<T> | undefined;
    let limit: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        wait = { matches, resolve, reject };
        this.#waits.add(wait);
        limit = setTimeout(
          () => reject(new Error(`waited in vain for ${what}; ${this.all.length} others came`)),
          HANG_MS,
        );
      });
    } finally {
      if (wait) this.#waits.delete(wait);
      clearTimeout(limit);
    }
  }

  /** Resolves when so many have come. */
  async count(wanted: number, what = 'events'): Promise<T[]> {
    while (this.all.length < wanted) await this.next(undefined, `${wanted} ${what}`);
    return this.all.slice(0, wanted);
  }
}

/** One line of a log, parsed. */
export interface LogLine {
  /** 30 = info, 40 = warn, 50 = error. */
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** A real log, down to `debug`, whose lines a test can look at and wait for. */
export function recordedLog(): { log: Log; lines: Recorder<LogLine> } {
  const lines = new Recorder<LogLine>();
  const log = pino(
    { level: 'debug', base: null },
    { write: (line: string) => lines.add(JSON.parse(line)) },
  );
  return { log, lines };
}

/** Alarms, and what was said of them in order: `raised NAME SEVERITY CODE`, `cleared NAME`. */
export function recordedAlarms() {
  const changes = new Recorder<string>();
  const alarms = new Alarms({
    onRaised: ({ name, severity, error }) =>
      changes.add(`raised ${name} ${severity} ${error.code}`),
    onCleared: ({ name }) => changes.add(`cleared ${name}`),
  });
  return { alarms, changes, said: changes.all };
}

/** Repeats work as the daemon does; nobody is told of failures. */
export function quietScheduler(): Scheduler {
  return new Scheduler({ alarms: NO_ALARMS, log: silentLog() });
}
