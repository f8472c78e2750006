/**
 * Converts a moment of this process to a wall-clock date, Unix milliseconds, by the current setting
 * of the clock. The wall clock may be wrong and may be set at any time, so moments are kept as
 * values of `performance.now()` and converted only for display.
 *
 * @param momentMs value of `performance.now()`
 */
export function dateOf(momentMs: number): number {
  return Math.round(Date.now() - (performance.now() - momentMs));
}

/**
 * Wall clock and monotonic clock drift apart by milliseconds; a larger step means the clock was
 * set.
 */
const CLOCK_SET_MS = 1_000;

/**
 * A moment whose date is shown repeatedly. The date stays the same, so that readers can compare it,
 * until the wall clock is set by a second or more.
 */
export class Moment {
  #shownMs: number | null = null;

  /** @param ms value of `performance.now()` */
  constructor(readonly ms: number = performance.now()) {}

  /** Time since the moment, milliseconds. */
  ageMs(): number {
    return performance.now() - this.ms;
  }

  /** The date by the current setting of the wall clock, Unix milliseconds. */
  dateMs(): number {
    const dateMs = dateOf(this.ms);
    if (this.#shownMs === null || Math.abs(dateMs - this.#shownMs) >= CLOCK_SET_MS) {
      this.#shownMs = dateMs;
    }
    return this.#shownMs;
  }
}
