/** Weight of the newest measurement in the running means. */
const WEIGHT = 0.2;
/** Decoding ends so long before the forward pass before it should, milliseconds. */
const MARGIN_MS = 1;
/** So much of its interval may a frame come early under a limit. */
const JITTER_SHARE = 0.1;

/**
 * When to begin with the next frame: one is decoded while the one before is in its forward pass,
 * but as late as possible, because until then a newer frame may still take its place.
 */
export class Pace {
  #decodeMs = 0;
  #forwardMs = 0;
  /** The limited rate allows the next frame from here on. */
  #allowedMs = Number.NEGATIVE_INFINITY;
  #maxFramesPerSecond: number | null = null;

  /** Upper limit over all cameras; null: none. */
  limit(maxFramesPerSecond: number | null): void {
    this.#maxFramesPerSecond = maxFramesPerSecond;
  }

  /** A frame is begun. */
  started(nowMs: number): void {
    if (this.#maxFramesPerSecond === null) return;
    const intervalMs = 1_000 / this.#maxFramesPerSecond;
    // On a grid, so that a camera at just this rate loses no frame to the jitter of timers; after a
    // rest the grid begins anew.
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
   * @param forwardSinceMs when the forward pass in work began; null: none is
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
