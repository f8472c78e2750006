/** Why a capture time is implausible. */
export type Doubt = 'before-2000' | 'clock-reset' | 'future' | 'same-moment';

const DAY_MS = 86_400_000;
/** A clock before this date is not set, so that it cannot tell which times are in the future. */
const CLOCK_IS_SET_FROM_MS = Date.UTC(2025, 0, 1);
/** Cameras reset their clock to the first of January of a year before this one. */
const RESET_YEARS_END = 2016;
/**
 * On later first days of January only times before this hour are doubted: nobody works at night.
 */
const RESET_HOURS = 6;
/** More pictures with the same time are not a burst: no camera takes more in a second. */
const MAX_BURST = 20;
/** Fewer pictures with the same time are no sign of a dead clock … */
const MIN_HEAP = 4;
/** … nor is a smaller share of all pictures. */
const HEAP_SHARE = 0.1;

/**
 * Finds implausible capture times. A camera with an empty clock battery gives all pictures the same
 * time, or starts at the first day of some year whenever it is switched on.
 * @param times Unix times, milliseconds; null: no time
 * @param nowMs Unix time, milliseconds
 * @returns for each time the reason to doubt it; null: plausible
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

/** Checks one time independently of all others. */
export function doubtAlone(timeMs: number, nowMs: number): Exclude<Doubt, 'same-moment'> | null {
  const at = new Date(timeMs);
  if (at.getUTCFullYear() < 2000) return 'before-2000';
  if (nowMs >= CLOCK_IS_SET_FROM_MS && timeMs > nowMs + 1.5 * DAY_MS) return 'future';
  const isFirstDay = at.getUTCMonth() === 0 && at.getUTCDate() === 1;
  const reset =
    isFirstDay && (at.getUTCFullYear() < RESET_YEARS_END || at.getUTCHours() < RESET_HOURS);
  return reset ? 'clock-reset' : null;
}
