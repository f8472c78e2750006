import { randomBytes } from 'node:crypto';
import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';
import type { ClassSums } from './class-sums.js';

/**
 * Largest change of the sums of a class by one sample of weight 1 at most: its count changes by 1, its sum
 * by z with |z| <= 1, its Gram matrix by z zᵀ with |z zᵀ| = |z|² <= 1 (Frobenius; its lower triangle is
 * shorter). Together √(1 + 1 + 1). Holds only where the weight of a sample does not depend on other samples:
 * without the first of a cluster of near-duplicates the others may each count as one.
 */
export const SENSITIVITY = Math.sqrt(3);

/** Differential privacy of everything that a robot ever sends. */
export interface PrivacyBudget {
  /** > 0 */
  epsilon: number;
  /** 0..1, exclusive; far below 1 / samples. */
  delta: number;
  /** Number of times that sums may be sent, >= 1. */
  releases: number;
}

/**
 * Standard deviation of the noise in each value, so that all releases together are (ε, δ)-differentially
 * private with respect to one sample. T Gaussian mechanisms of the same σ are exactly one of sensitivity
 * √T Δ (Dong, Roth & Su 2022, Gaussian differential privacy, corollary 3.3).
 * @throws HL_PRIVACY_INVALID
 */
export function releaseSigma({ epsilon, delta, releases }: PrivacyBudget): number {
  return gaussianSigma(epsilon, delta, Math.sqrt(releases) * SENSITIVITY);
}

/**
 * The least σ of the Gaussian mechanism for (ε, δ) and an L2 sensitivity (Balle & Wang 2018, Improving the
 * Gaussian Mechanism for Differential Privacy, theorem 8).
 * @throws HL_PRIVACY_INVALID
 */
export function gaussianSigma(epsilon: number, delta: number, sensitivity: number): number {
  if (
    !(epsilon > 0 && epsilon <= 100) ||
    !(delta > 0 && delta < 1) ||
    !(sensitivity > 0 && Number.isFinite(sensitivity))
  ) {
    throw new HeadlandError(
      'HL_PRIVACY_INVALID',
      `no noise for ε = ${epsilon}, δ = ${delta} and a sensitivity of ${sensitivity}`,
      { remedy: DEFECT_REMEDY },
    );
  }
  // δ(σ) falls; both ends are far outside what is useful.
  let low = Math.log(sensitivity * 1e-3);
  let high = Math.log(sensitivity * 1e6);
  for (let step = 0; step < 200; step++) {
    const middle = (low + high) / 2;
    if (deltaOf(epsilon, Math.exp(middle) / sensitivity) > delta) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}

/**
 * The δ that noise of `relative` = σ / Δ gives at ε: Φ(1/2r - εr) - e^ε Φ(-1/2r - εr).
 */
export function deltaOf(epsilon: number, relative: number): number {
  const a = 1 / (2 * relative) - epsilon * relative;
  const b = -1 / (2 * relative) - epsilon * relative;
  return normalCdf(a) - Math.exp(epsilon + logNormalCdf(b));
}

/** Sums with independent noise in each value. @param normal standard normal numbers */
export function withNoise(
  { samples, sum, gram }: ClassSums,
  sigma: number,
  normal: () => number = secureNormal(),
): ClassSums {
  const noisy = (values: Float64Array) => values.map((value) => value + sigma * normal());
  return {
    // Sums of no sample mean nothing; what is done to noisy values costs no privacy.
    samples: Math.max(1, samples + sigma * normal()),
    sum: noisy(sum),
    gram: noisy(gram),
  };
}

/** Standard normal numbers from the generator of the system (Box & Muller 1958). */
export function secureNormal(): () => number {
  const uniform = (): number => {
    const bytes = randomBytes(8);
    const high = bytes.readUInt32LE(0) >>> 5;
    const low = bytes.readUInt32LE(4) >>> 6;
    return (high * 2 ** 26 + low + 0.5) / 2 ** 53;
  };
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

function normalCdf(x: number): number {
  return x > 0 ? 1 - Math.exp(logNormalCdf(-x)) : Math.exp(logNormalCdf(x));
}

/**
 * ln Φ(x) for x <= 0: the series of the error function near 0, Lentz's continued fraction of Mills' ratio
 * beyond (Abramowitz & Stegun 1964, 7.1.6 and 26.2.14).
 */
function logNormalCdf(x: number): number {
  const y = -x;
  if (y < 2) {
    let term = y;
    let sum = y;
    for (let n = 1; n < 200; n++) {
      term *= (y * y) / (2 * n + 1);
      sum += term;
      if (term < 1e-17 * sum) break;
    }
    return Math.log(0.5 - (sum * Math.exp((-y * y) / 2)) / Math.sqrt(2 * Math.PI));
  }
  let fraction = y;
  let c = y;
  let d = 0;
  for (let n = 1; n < 500; n++) {
    d = 1 / (y + n * d);
    c = y + n / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return (-y * y) / 2 - Math.log(fraction) - Math.log(2 * Math.PI) / 2;
}
