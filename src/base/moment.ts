/**
 * The wall-clock date of a moment of this process, Unix milliseconds, by the clock as it goes now.
 * The wall clock may be wrong and be set at any time, so a moment is kept as what
 * `performance.now()` said and becomes a date only when it is shown.
 *
 * @param momentMs of `performance.now()`
 */
export function dateOf(momentMs: number): number {
  return Math.round(Date.now() - (performance.now() - momentMs));
}

/** The wall clock and the monotonic clock drift apart by milliseconds; a larger step is a set clock. */
const CLOCK_SET_MS = 1_000;

/**
 * A moment whose date is shown more than once. The date stays the same, so that readers can compare
 * it, until the wall clock has been set by a second or more.
 */
export class Moment {
  #shownMs: number | null = null;

  /** @param ms of `performance.now()` */
  constructor(readonly ms: number = performance.now()) {}

  /** Time since the moment, milliseconds. */
  ageMs(): number {
    return performance.now() - this.ms;
  }

  /** Unix milliseconds by the present wall clock. */
  dateMs(): number {
    const dateMs = dateOf(this.ms);
    if (this.#shownMs === null || Math.abs(dateMs - this.#shownMs) >= CLOCK_SET_MS) {
      this.#shownMs = dateMs;
    }
    return this.#shownMs;
  }
}
