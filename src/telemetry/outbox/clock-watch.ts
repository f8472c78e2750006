const CLOCK_STEP_MS = 60_000;

/**
 * A clock for ages: it counts with the monotonic clock, whatever happens to the wall clock, and notices
 * when somebody sets that. A board without a battery starts in the past and jumps when the network
 * time comes, and a wrong clock is set back; neither must make messages old, or young for ever.
 */
export class ClockWatch {
  readonly #now: () => number;
  readonly #monotonic: () => number;
  #offsetMs: number;
  #startedAtMs: number;

  /** @param now Unix time; @param monotonic a clock that never jumps; both in milliseconds */
  constructor(now: () => number, monotonic: () => number) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#startedAtMs = now();
    this.#offsetMs = this.#startedAtMs - monotonic();
  }

  /**
   * Unix time, milliseconds, as if the clock had not been set since the last `follow`: comparable
   * with every time that was written since.
   */
  nowMs(): number {
    return this.#monotonic() + this.#offsetMs;
  }

  /** When the watch began, by the clock as it was followed last; Unix time, milliseconds. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** By how much the clock was set since the last `follow`, milliseconds; 0 = not, or hardly. */
  stepMs(): number {
    const stepMs = this.#now() - this.#monotonic() - this.#offsetMs;
    return Math.abs(stepMs) > CLOCK_STEP_MS ? stepMs : 0;
  }

  /** Takes a step as known: what was written before must have been moved by it. */
  follow(stepMs: number): void {
    this.#offsetMs += stepMs;
    this.#startedAtMs += stepMs;
  }
}
