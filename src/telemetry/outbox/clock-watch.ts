const CLOCK_STEP_MS = 60_000;

/**
 * Notices when somebody sets the clock: a board without a battery starts in the past and jumps
 * when the network time comes, which must not make its messages old.
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

  /** When the watch began, by the clock as it goes now; Unix time, milliseconds. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** By how much the clock was set since the last `follow`, milliseconds; 0 = not, or hardly. */
  stepMs(): number {
    const stepMs = this.#now() - this.#monotonic() - this.#offsetMs;
    return Math.abs(stepMs) > CLOCK_STEP_MS ? stepMs : 0;
  }

  /** Takes a step as known. */
  follow(stepMs: number): void {
    this.#offsetMs += stepMs;
    this.#startedAtMs += stepMs;
  }
}
