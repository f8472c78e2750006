interface Switch {
  atMs: number;
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
  /** In the order of their times. */
  readonly #due: Switch[] = [];
  /** Output of each alert that wants it on now. */
  readonly #on = new Map<string, string>();

  /** Adds a switch; those of one alert must come in the order of their times. */
  add(change: Switch): void {
    const later = this.#due.findLastIndex(({ atMs }) => atMs <= change.atMs) + 1;
    this.#due.splice(later, 0, change);
  }

  /** The outputs that are on at `nowMs`, which must not run backwards. */
  active(nowMs: number): Set<string> {
    for (let next = this.#due[0]; next && next.atMs <= nowMs; next = this.#due[0]) {
      this.#due.shift();
      if (next.on) this.#on.set(next.alert, next.output);
      else this.#on.delete(next.alert);
    }
    return new Set(this.#on.values());
  }

  /** When the next switch is due; null: none is. */
  get nextMs(): number | null {
    return this.#due[0]?.atMs ?? null;
  }
}
