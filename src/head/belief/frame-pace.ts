/** Number of recent gaps between frames whose median is the usual gap. */
const REMEMBERED_GAPS = 9;
const LEAST_GAPS = 3;

/**
 * Measures by how much the gap before a frame was longer than usual: in ten times the time, a scene
 * is ten times as likely to change. An invalid gap (the clock was set back or is unknown) counts as
 * usual.
 */
export class FramePace {
  readonly #gapsMs: number[] = [];
  #lastMs = Number.NaN;

  /** What the gap before this frame adds to the log-odds of a change, >= 0. */
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
