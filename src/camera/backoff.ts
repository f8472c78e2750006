/** Bounds of the waiting time between two attempts, milliseconds. */
export interface BackoffPolicy {
  initialMs: number;
  maxMs: number;
}

/**
 * How long to wait before an attempt: uniform in [0, min(maxMs, initialMs * 2^attempt)], "full
 * jitter" (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that many
 * robots that lost the same source do not come back in step.
 *
 * @param attempt failures in a row before this one, from 0; any size (there is no last attempt).
 * @param random uniform in [0, 1).
 */
export function backoffDelayMs(
  attempt: number,
  policy: BackoffPolicy,
  random: () => number,
): number {
  const ceilingMs = Math.min(policy.maxMs, policy.initialMs * 2 ** Math.min(attempt, 52));
  return random() * ceilingMs;
}
