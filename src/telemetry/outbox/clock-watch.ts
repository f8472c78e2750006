const CLOCK_STEP_MS = 60_000;

/**
 * A clock to measure the age of messages. It advances with the monotonic clock and detects when the
 * wall clock is set. A board without a clock battery starts in the past and jumps when NTP sets it;
 * a wrong clock may be set back. Neither may make messages expire early or never.
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
   * Unix time, milliseconds, as if the clock had not been set since the last `follow`. Comparable
   * with all times recorded since then.
   */
  nowMs(): number {
    return this.#monotonic() + this.#offsetMs;
  }

  /** When the watch began, corrected by all followed steps; Unix time, milliseconds. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** Clock step since the last `follow`, milliseconds; 0 = none, or at most a minute. */
  stepMs(): number {
    const stepMs = this.#now() - this.#monotonic() - this.#offsetMs;
    return Math.abs(stepMs) > CLOCK_STEP_MS ? stepMs : 0;
  }

  /** Accepts a clock step. The caller has shifted all recorded times by it. */
  follow(stepMs: number): void {
    this.#offsetMs += stepMs;
    this.#startedAtMs += stepMs;
  }
}
