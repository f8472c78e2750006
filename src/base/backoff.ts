/** Bounds of the delay between two attempts, milliseconds. */
export interface BackoffPolicy {
  initialMs: number;
  maxMs: number;
}

/**
 * Full-jitter exponential back-off: the n-th delay is uniform in [0, min(maxMs, initialMs * 2^n)].
 * The jitter keeps a thousand robots that lose their broker together from reconnecting together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  #failures = 0;

  /** @param random uniform in [0, 1) */
  constructor(
    private readonly policy: BackoffPolicy,
    private readonly random: () => number = Math.random,
  ) {}

  /** Failures in a row since the last {@link reset}. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds until the next attempt. */
  nextMs(): number {
    const { initialMs, maxMs } = this.policy;
    const ceilingMs = Math.min(maxMs, initialMs * 2 ** Math.min(this.#failures, 52));
    this.#failures++;
    return this.random() * ceilingMs;
  }

  reset(): void {
    this.#failures = 0;
  }
}
