/** Why a capture time cannot be true. */
export type Doubt = 'before-2000' | 'clock-reset' | 'future' | 'same-moment';

const DAY_MS = 86_400_000;
/** A clock that says an earlier year is not set itself: it cannot judge what lies ahead. */
const CLOCK_IS_SET_FROM_MS = Date.UTC(2025, 0, 1);
/** Cameras of these years came with a clock that begins at the first of January. */
const RESET_YEARS_END = 2016;
/** On later first days of January only the night is doubted, in which nobody works a field. */
const RESET_HOURS = 6;
/** So many pictures of one moment are no burst: no camera takes more in a second. */
const MAX_BURST = 20;
/** Fewer pictures of one moment are no sign of a dead clock … */
const MIN_HEAP = 4;
/** … nor is a smaller share of all. */
const HEAP_SHARE = 0.1;

/**
 * Says of each capture time whether it can be true. A camera with an empty clock battery gives all
 * pictures the same time, or begins with the first day of some year at every start.
 * @param times Unix times, milliseconds; null where there is none
 * @param nowMs Unix time
 */
export function doubtTimes(
  times: readonly (number | null)[],
  nowMs: number,
): readonly (Doubt | null)[] {
  const counts = new Map<number, number>();
  let timed = 0;
  for (const time of times) {
    if (time === null) continue;
    timed += 1;
    counts.set(time, (counts.get(time) ?? 0) + 1);
  }
  const isHeap = (count: number): boolean =>
    count > MAX_BURST || (count >= MIN_HEAP && count >= timed * HEAP_SHARE);
  return times.map((time) => {
    if (time === null) return null;
    return doubtAlone(time, nowMs) ?? (isHeap(counts.get(time) ?? 0) ? 'same-moment' : null);
  });
}

/** What one time says of itself, whatever the others are. */
export function doubtAlone(timeMs: number, nowMs: number): Exclude<Doubt, 'same-moment'> | null {
  const at = new Date(timeMs);
  if (at.getUTCFullYear() < 2000) return 'before-2000';
  if (nowMs >= CLOCK_IS_SET_FROM_MS && timeMs > nowMs + 1.5 * DAY_MS) return 'future';
  const isFirstDay = at.getUTCMonth() === 0 && at.getUTCDate() === 1;
  const reset =
    isFirstDay && (at.getUTCFullYear() < RESET_YEARS_END || at.getUTCHours() < RESET_HOURS);
  return reset ? 'clock-reset' : null;
}
