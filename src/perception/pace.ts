/** Weight of the newest measurement in the running means. */
const WEIGHT = 0.2;
/** Decoding should end this long before the forward pass in work, milliseconds. */
const MARGIN_MS = 1;
/** Share of its interval by which a frame may come early under a limit. */
const JITTER_SHARE = 0.1;

/**
 * Decides when the next frame begins. One frame is decoded during the forward pass of the one
 * before, but as late as possible, because until then a newer frame can replace it.
 */
export class Pace {
  #decodeMs = 0;
  #forwardMs = 0;
  /** The rate limit allows the next frame from this time on. */
  #allowedMs = Number.NEGATIVE_INFINITY;
  #maxFramesPerSecond: number | null = null;

  /** Upper limit over all cameras; null: none. */
  limit(maxFramesPerSecond: number | null): void {
    this.#maxFramesPerSecond = maxFramesPerSecond;
  }

  /** Called when a frame begins. */
  started(nowMs: number): void {
    if (this.#maxFramesPerSecond === null) return;
    const intervalMs = 1_000 / this.#maxFramesPerSecond;
    // On a grid, so that a camera at exactly this rate loses no frame to timer jitter; after a
    // pause the grid begins anew.
    this.#allowedMs = Math.max(
      this.#allowedMs + intervalMs,
      nowMs + (1 - JITTER_SHARE) * intervalMs,
    );
  }

  decoded(tookMs: number): void {
    this.#decodeMs = mean(this.#decodeMs, tookMs);
  }

  /** @param tookMs from the hand-over to the answer */
  forwarded(tookMs: number): void {
    this.#forwardMs = mean(this.#forwardMs, tookMs);
  }

  /**
   * How long the next frame should still wait, milliseconds; 0 = begin now.
   * @param forwardSinceMs start of the forward pass in work; null: there is none
   */
  waitMs(nowMs: number, forwardSinceMs: number | null): number {
    const limitedMs = this.#maxFramesPerSecond === null ? 0 : this.#allowedMs - nowMs;
    const overlapMs =
      forwardSinceMs === null
        ? 0
        : forwardSinceMs + this.#forwardMs - this.#decodeMs - MARGIN_MS - nowMs;
    return Math.max(0, limitedMs, overlapMs);
  }
}

function mean(before: number, now: number): number {
  return before === 0 ? now : before + WEIGHT * (now - before);
}
