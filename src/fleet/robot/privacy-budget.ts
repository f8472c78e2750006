import type { Config } from '../../config/schema.js';
import { gaussianSigma } from '../../head/sums/privacy.js';

/**
 * One sample changes the count, the sum and the moment of one class by a vector of at most this length: 1 for
 * each of the three, because features have length 1.
 */
const SENSITIVITY = Math.sqrt(3);

/**
 * Standard deviation of the noise in each value of each contribution, so that all `releases` together hold
 * (epsilon, delta); 0: no noise.
 */
export function noiseOf({ epsilon, delta, releases }: Config['fleet']['privacy']): number {
  if (epsilon === null) return 0;
  return gaussianSigma(epsilon, delta, Math.sqrt(releases) * SENSITIVITY);
}
