/** Gaps between frames that the usual one is the median of. */
const REMEMBERED_GAPS = 9;
const LEAST_GAPS = 3;

/**
 * How much longer than usual there was no frame: in ten times the time a scene is ten times as likely to
 * change. What is no gap (a clock that was set back or is not known) is taken for a usual one.
 */
export class FramePace {
  readonly #gapsMs: number[] = [];
  #lastMs = Number.NaN;

  /** What the time since the frame before adds to the log-odds of a change, >= 0. */
  next(atMs: number): number {
    const gapMs = atMs - this.#lastMs;
    this.#lastMs = atMs;
    if (!(gapMs > 0) || !Number.isFinite(gapMs)) return 0;
    const usualMs = this.#usualMs();
    this.#gapsMs.push(gapMs);
    if (this.#gapsMs.length > REMEMBERED_GAPS) this.#gapsMs.shift();
    return usualMs === null ? 0 : Math.max(0, Math.log(gapMs / usualMs));
  }

  reset(): void {
    this.#gapsMs.length = 0;
    this.#lastMs = Number.NaN;
  }

  #usualMs(): number | null {
    if (this.#gapsMs.length < LEAST_GAPS) return null;
    const sorted = [...this.#gapsMs].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]!;
  }
}
