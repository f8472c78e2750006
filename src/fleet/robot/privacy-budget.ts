import type { Config } from '../../config/schema.js';
import { releaseSigma } from '../../head/sums/privacy.js';

/**
 * Standard deviation of the noise in each value of each contribution, so that all `releases` together hold
 * (epsilon, delta); 0: no noise.
 */
export function noiseOf({ epsilon, delta, releases }: Config['fleet']['privacy']): number {
  return epsilon === null ? 0 : releaseSigma({ epsilon, delta, releases });
}
