import { cholesky } from '../algebra/linalg.js';
import { solveLower } from '../algebra/triangular.js';
import { type NoveltyModel, triangleLength } from './novelty-model.js';
import { traceOf } from './novelty-subspace.js';

/** Means and covariances of points of the subspace. */
export type Gaussians = Omit<NoveltyModel, 'basis' | 'basisScale' | 'scores'>;

/** Of `fitClassGaussians`; {@link GaussianOptions} and the most dimensions of the subspace. */
export const NOVELTY_DEFAULTS = { dimensions: 64, shrinkage: 0.3, commonSamples: 60 };
/**
 * With fewer samples per class on average, all classes share one covariance. It also bounds memory.
 */
export const LEAST_FOR_OWN = 5;

/** How points of the subspace lie. */
export interface Spread {
  /** Number of points; a sum of weights need not be whole. */
  count: number;
  mean: Float64Array;
  /** Σ (x - mean)(x - mean)', lower triangle of a row-major r x r matrix. */
  scatter: Float64Array;
}

export interface GaussianOptions {
  /** Shrinkage of covariances towards a sphere of the same trace, 0..1. */
  shrinkage: number;
  /** Number of samples at which a class uses half its own covariance; infinite: all classes share one. */
  commonSamples: number;
}

/**
 * {@link gaussiansFromSpreads} of points.
 * @param classes points of each class, r coordinates each; at least one class, none empty.
 * @param seen all points, of any class or of none; at least one.
 */
export function fitGaussians(
  classes: readonly (readonly Float64Array[])[],
  seen: readonly Float64Array[],
  options: GaussianOptions,
): Gaussians {
  return gaussiansFromSpreads(classes.map(spreadOf), spreadOf(seen), options);
}

/**
 * A Gaussian per class and one of all points. The covariance of a class is its own, mixed with that
 * of all classes by n_k : commonSamples (an apple varies in other ways than a banana, but a dozen
 * samples hardly show how), then shrunk towards a sphere. With infinite `commonSamples` there is
 * one covariance for all.
 * @param classes at least one, none empty. @param seen all points, of any class or of none.
 */
export function gaussiansFromSpreads(
  classes: readonly Spread[],
  seen: Spread,
  { shrinkage, commonSamples }: GaussianOptions,
): Gaussians {
  const r = seen.mean.length;
  const samples = classes.reduce((sum, { count }) => sum + count, 0);
  const common = new Float64Array(r * r);
  for (const { scatter } of classes) {
    addTimes(common, scatter, 1 / Math.max(1, samples - classes.length));
  }

  const shared = commonSamples === Number.POSITIVE_INFINITY;
  const commonWhitener = shared ? whitener(common, r, shrinkage) : null;
  const within = new Float32Array((shared ? 1 : classes.length) * triangleLength(r));
  const whitenedMeans = new Float32Array(classes.length * r);
  const own = ({ count, scatter }: Spread): Float64Array => {
    const share = count / (count + commonSamples);
    const covariance = common.map((value) => (1 - share) * value);
    addTimes(covariance, scatter, share / Math.max(1, count - 1));
    return whitener(covariance, r, shrinkage);
  };
  for (const [c, spread] of classes.entries()) {
    const triangle = commonWhitener ?? own(spread);
    if (!shared || c === 0) within.set(triangle, c * triangleLength(r));
    whitenedMeans.set(timesTriangle(triangle, spread.mean), c * r);
  }
  const around = new Float64Array(r * r);
  addTimes(around, seen.scatter, 1 / Math.max(1, seen.count - 1));
  const background = whitener(around, r, shrinkage);
  return {
    dimensions: r,
    within,
    means: whitenedMeans,
    background: Float32Array.from(background),
    centre: Float32Array.from(timesTriangle(background, seen.mean)),
  };
}

function spreadOf(points: readonly Float64Array[]): Spread {
  const mean = meanOf(points);
  return { count: points.length, mean, scatter: scatter(points, mean) };
}

/** Σ (x - mean)(x - mean)', lower triangle of a row-major r x r matrix. */
function scatter(points: readonly Float64Array[], mean: Float64Array): Float64Array {
  const r = mean.length;
  const out = new Float64Array(r * r);
  const x = new Float64Array(r);
  for (const point of points) {
    for (let i = 0; i < r; i++) {
      const own = point[i]! - mean[i]!;
      x[i] = own;
      for (let j = 0; j <= i; j++) out[i * r + j] = out[i * r + j]! + own * x[j]!;
    }
  }
  return out;
}

/** W with W'W = (shrunk covariance)⁻¹, as a packed lower triangle; overwrites the covariance. */
function whitener(covariance: Float64Array, r: number, shrinkage: number): Float64Array {
  // Identical images have no spread at all. Rows have unit length, so this is negligible.
  const sphere = (shrinkage * traceOf(covariance, r)) / r + 1e-6 / r;
  for (let i = 0; i < r; i++) {
    for (let j = 0; j <= i; j++) covariance[i * r + j] = (1 - shrinkage) * covariance[i * r + j]!;
    covariance[i * r + i] = covariance[i * r + i]! + sphere;
  }
  cholesky(covariance, r);
  const inverse = new Float64Array(r * r);
  for (let i = 0; i < r; i++) inverse[i * r + i] = 1;
  solveLower(covariance, r, inverse, r);
  const packed = new Float64Array(triangleLength(r));
  let at = 0;
  for (let i = 0; i < r; i++) for (let j = 0; j <= i; j++) packed[at++] = inverse[i * r + j]!;
  return packed;
}

function timesTriangle(packed: Float64Array, x: Float64Array): Float64Array {
  let at = 0;
  return x.map((_, i) => {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += packed[at++]! * x[j]!;
    return sum;
  });
}

function meanOf(points: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(points[0]!.length);
  for (const x of points) {
    for (let i = 0; i < x.length; i++) mean[i] = mean[i]! + x[i]! / points.length;
  }
  return mean;
}

function addTimes(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * values[i]!;
}
