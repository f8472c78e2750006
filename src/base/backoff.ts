/**
 * Full-jitter exponential back-off: the n-th delay is uniform in [0, min(maxMs, initialMs * 2^n)).
 * A thousand robots that lose their broker together do not come back together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempts = 0;

  /** @param random uniform in [0, 1) */
  constructor(initialMs: number, maxMs: number, random: () => number = Math.random) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Milliseconds until the next attempt. */
  nextMs(): number {
    const ceilingMs = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#attempts, 32));
    this.#attempts++;
    return this.#random() * ceilingMs;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
