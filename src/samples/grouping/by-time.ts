import type { GroupItem, Groups } from './group-item.js';

/** Prefix of groups made by capture time. */
export const TIME_GROUP_PREFIX = 'time-';

export interface TimeBounds {
  /** A longer gap starts a new group, milliseconds. */
  gapMs: number;
  /** Longest time from the first to the last picture of a group, milliseconds. */
  maxDurationMs: number;
  /** Largest number of pictures of a group. */
  maxPictures: number;
}

/** A picture with a capture time, and its index among the items. */
interface Timed {
  index: number;
  timeMs: number;
}

/**
 * Groups pictures of all classes by capture time; a gap starts a new group. A chain without such a
 * gap, for example of a camera that takes a picture every few seconds all day, is cut at its
 * longest gaps within the bounds: otherwise a whole season would be one group, with nothing to hold
 * out.
 * @returns groups by index; `cut`: number of previously ungrouped pictures in chains that were cut
 */
export function byCaptureTime(
  items: readonly GroupItem[],
  groups: Groups,
  bounds: TimeBounds,
): { found: Map<number, string>; cut: number } {
  const timed: Timed[] = [];
  items.forEach(({ captureTimeMs }, index) => {
    if (captureTimeMs !== null) timed.push({ index, timeMs: captureTimeMs });
  });
  timed.sort(
    (a, b) => a.timeMs - b.timeMs || (items[a.index]!.sha256 < items[b.index]!.sha256 ? -1 : 1),
  );
  const found = new Map<number, string>();
  let cutPictures = 0;
  for (const chain of chains(timed, bounds.gapMs)) {
    let [beginMs, again] = [Number.NaN, 0];
    const runs = [...cut(chain, bounds)];
    if (runs.length > 1) {
      cutPictures += chain.filter(({ index }) => groups[index] === null).length;
    }
    for (const run of runs) {
      again = run[0]!.timeMs === beginMs ? again + 1 : 0;
      beginMs = run[0]!.timeMs;
      nameRun(run, again, groups, found);
    }
  }
  return { found, cut: cutPictures };
}

function* chains(timed: readonly Timed[], gapMs: number): Generator<readonly Timed[]> {
  let start = 0;
  for (let end = 1; end <= timed.length; end++) {
    const goesOn = end < timed.length && timed[end]!.timeMs - timed[end - 1]!.timeMs <= gapMs;
    if (goesOn) continue;
    yield timed.slice(start, end);
    start = end;
  }
}

function* cut(chain: readonly Timed[], bounds: TimeBounds): Generator<readonly Timed[]> {
  let start = 0;
  while (start < chain.length) {
    const end = endOfRun(chain, start, bounds);
    yield chain.slice(start, end);
    start = end;
  }
}

/** Index after the last picture of the run that begins at `start`. */
function endOfRun(chain: readonly Timed[], start: number, bounds: TimeBounds): number {
  const { maxDurationMs, maxPictures } = bounds;
  const beginMs = chain[start]!.timeMs;
  let end = start + 1;
  while (
    end < chain.length &&
    end - start < maxPictures &&
    chain[end]!.timeMs - beginMs <= maxDurationMs
  ) {
    end += 1;
  }
  if (end === chain.length) return end;
  // Cut only in the second half of the longest possible run, so that runs do not become small.
  const isLate = (at: number): boolean =>
    at - start >= maxPictures / 2 || chain[at]!.timeMs - beginMs >= maxDurationMs / 2;
  let best = end;
  for (let at = end - 1; at > start && isLate(at); at--) {
    if (pauseBefore(chain, at) > pauseBefore(chain, best)) best = at;
  }
  return best;
}

function pauseBefore(chain: readonly Timed[], at: number): number {
  return chain[at]!.timeMs - chain[at - 1]!.timeMs;
}

/**
 * Assigns the existing groups of a run to its other pictures; without any, a new group.
 * @param again number of earlier runs that began at the same time
 */
function nameRun(
  run: readonly Timed[],
  again: number,
  groups: Groups,
  found: Map<number, string>,
): void {
  const known = run.map(({ index }) => groups[index]).find((group) => group != null);
  const begin = new Date(run[0]!.timeMs).toISOString();
  let current = known ?? `${TIME_GROUP_PREFIX}${begin}${again > 0 ? `~${again + 1}` : ''}`;
  for (const { index } of run) {
    const own = groups[index];
    if (own != null) current = own;
    else found.set(index, current);
  }
}
