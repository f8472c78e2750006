import type { Odometer } from './odometer.js';

/** When a switch is due: at a time, or when the robot has travelled so far. */
export type Due = { atMs: number } | { atMeters: number };

interface Switch {
  /** Those of one alert must all be times, or all be distances, in ascending order. */
  due: Due;
  /** Identifies the alert that wants the output on. */
  alert: string;
  output: string;
  on: boolean;
}

/**
 * Which outputs are on at a time, when each alert switches its output with a delay of its own. An
 * output is on while at least one alert wants it on. Times are monotonic, milliseconds.
 */
export class OutputTimeline {
  /** In the order in which they were added. */
  readonly #waiting = new Set<Switch>();
  /** Output of each alert that wants it on now. */
  readonly #on = new Map<string, string>();

  constructor(private readonly odometer: Pick<Odometer, 'msAt'>) {}

  /**
   * An alert that comes and goes at one place switches nothing there: while the robot stands, it leaves
   * at most one switch, for however many hours.
   */
  add(change: Switch): void {
    const last = [...this.#waiting].findLast(({ alert }) => alert === change.alert);
    const undone = last && last.on !== change.on && isOnePlace(last.due, change.due);
    if (undone) this.#waiting.delete(last);
    else this.#waiting.add(change);
  }

  /** Forgets what an alert wants, now and later. */
  drop(alert: string): void {
    this.#on.delete(alert);
    for (const change of this.#waiting) if (change.alert === alert) this.#waiting.delete(change);
  }

  /** The outputs that are on at `nowMs`, which must not run backwards. */
  active(nowMs: number): Set<string> {
    for (const change of this.#waiting) {
      const dueMs = this.#msOf(change);
      if (dueMs === null || dueMs > nowMs) continue;
      this.#waiting.delete(change);
      if (change.on) this.#on.set(change.alert, change.output);
      else this.#on.delete(change.alert);
    }
    return new Set(this.#on.values());
  }

  /** When the next switch is due; null: none is, at the speed of now. */
  get nextMs(): number | null {
    let nextMs: number | null = null;
    for (const change of this.#waiting) {
      const dueMs = this.#msOf(change);
      if (dueMs !== null && (nextMs === null || dueMs < nextMs)) nextMs = dueMs;
    }
    return nextMs;
  }

  #msOf({ due }: Switch): number | null {
    return 'atMs' in due ? due.atMs : this.odometer.msAt(due.atMeters);
  }
}

function isOnePlace(a: Due, b: Due): boolean {
  return 'atMeters' in a && 'atMeters' in b && a.atMeters === b.atMeters;
}
