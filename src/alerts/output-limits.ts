/** How fast an output may change. */
export interface OutputLimit {
  /** Minimum time on, milliseconds. */
  minOnMs: number;
  /** Minimum time off, milliseconds. */
  minOffMs: number;
}

interface OutputState {
  isOn: boolean;
  /** When it last changed; null: never. */
  sinceMs: number | null;
}

/**
 * Keeps outputs from changing faster than their limits, whatever is wanted of them. Times are
 * monotonic, milliseconds. An output without a limit follows at once.
 */
export class OutputLimits {
  readonly #states = new Map<string, OutputState>();

  constructor(private readonly limits: ReadonlyMap<string, OutputLimit>) {}

  /** The outputs that are on at `nowMs`, which must not run backwards. */
  follow(wanted: ReadonlySet<string>, nowMs: number): Set<string> {
    for (const output of new Set([...this.#states.keys(), ...wanted])) {
      const state = this.#states.get(output) ?? { isOn: false, sinceMs: null };
      const on = wanted.has(output);
      if (on === state.isOn || nowMs < this.#freeMs(output, state)) continue;
      this.#states.set(output, { isOn: on, sinceMs: nowMs });
    }
    return new Set([...this.#states].filter(([, { isOn }]) => isOn).map(([output]) => output));
  }

  /** When an output that must wait now may change; null: none waits. */
  nextMs(wanted: ReadonlySet<string>): number | null {
    const waiting = [...new Set([...this.#states.keys(), ...wanted])].flatMap((output) => {
      const state = this.#states.get(output);
      return state && state.isOn !== wanted.has(output) ? [this.#freeMs(output, state)] : [];
    });
    return waiting.length === 0 ? null : Math.min(...waiting);
  }

  /** Lets an output go off before its time. */
  release(output: string): void {
    const state = this.#states.get(output);
    if (state?.isOn) state.sinceMs = null;
  }

  #freeMs(output: string, { isOn, sinceMs }: OutputState): number {
    const limit = this.limits.get(output);
    if (sinceMs === null || limit === undefined) return Number.NEGATIVE_INFINITY;
    return sinceMs + (isOn ? limit.minOnMs : limit.minOffMs);
  }
}
