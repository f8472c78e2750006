/**
 * Converts a moment of this process to a wall-clock date, Unix milliseconds, by the current setting
 * of the clock. The wall clock may be wrong and may be set at any time, so moments are kept as values
 * of `performance.now()` and converted only for display.
 *
 * @param momentMs value of `performance.now()`
 */
export function dateOf(momentMs: number): number {
  return Math.round(Date.now() - (performance.now() - momentMs));
}
