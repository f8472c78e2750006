/** Allows `perMinute` actions a minute on average, and bursts of as many after a pause. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #nowMs: () => number;
  #tokens: number;
  #filledAtMs: number;

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(perMinute: number, nowMs: () => number = () => performance.now()) {
    this.#capacity = perMinute;
    this.#perMs = perMinute / 60_000;
    this.#nowMs = nowMs;
    this.#tokens = perMinute;
    this.#filledAtMs = nowMs();
  }

  /** Takes a token; false when there is none left. */
  take(): boolean {
    const now = this.#nowMs();
    this.#tokens = Math.min(
      this.#capacity,
      this.#tokens + Math.max(0, now - this.#filledAtMs) * this.#perMs,
    );
    this.#filledAtMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
