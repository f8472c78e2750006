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
