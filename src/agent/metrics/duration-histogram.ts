import type { Histogram } from './exposition.js';

/** Upper bounds, seconds: from a fast head on cached features to a large backbone on a slow board. */
const BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** Counts durations since the start of the daemon, in the buckets of a histogram. */
export class DurationHistogram {
  readonly #counts: number[] = new Array(BOUNDS_SECONDS.length + 1).fill(0);
  #sumSeconds = 0;

  add(durationMs: number): void {
    const seconds = durationMs / 1_000;
    const found = BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const bucket = found < 0 ? BOUNDS_SECONDS.length : found;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumSeconds += seconds;
  }

  read(): Histogram {
    return { bounds: BOUNDS_SECONDS, counts: [...this.#counts], sum: this.#sumSeconds };
  }
}
