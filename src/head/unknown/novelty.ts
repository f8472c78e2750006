import { HeadlandError } from '../../base/errors.js';
import type { FeatureTransform } from '../head.js';
import { transformFeatures } from '../transform.js';
import { extrapolatedPValue } from './conformal.js';
import { type NoveltyModel, triangleLength } from './novelty-model.js';

/**
 * Pooled rectified features are skewed; their roots at unit length were best with both backbones.
 */
export const NOVELTY_TRANSFORM: FeatureTransform = 'sqrt-l2';

/**
 * Rows of features as points of the model's subspace.
 * @param features untransformed, n x featureSize, row-major.
 * @returns n x r, row-major.
 * @throws HL_FEATURES_MISMATCH
 */
export function subspacePoints(model: NoveltyModel, features: Float32Array): Float64Array {
  const r = model.dimensions;
  const d = model.basis.length / r;
  if (features.length === 0 || features.length % d !== 0) {
    throw new HeadlandError(
      'HL_FEATURES_MISMATCH',
      `the novelty model of the head takes ${d} features, not ${features.length}`,
      { remedy: 'Train again: the head belongs to another backbone.' },
    );
  }
  const z = transformFeatures(features, d, NOVELTY_TRANSFORM);
  const points = new Float64Array((features.length / d) * r);
  for (let row = 0; row * d < z.length; row++) {
    points.set(project(model, z.subarray(row * d, (row + 1) * d)), row * r);
  }
  return points;
}

/**
 * Squared Mahalanobis distance |W_k (Bz - μ_k)|² of each point to each class.
 * @param points n x r, row-major.
 * @returns n x C, row-major.
 */
export function classDistances(
  model: Pick<NoveltyModel, 'dimensions' | 'within' | 'means'>,
  points: Float64Array,
): Float64Array {
  const { dimensions: r, within, means } = model;
  const step = classStep(model);
  const classes = means.length / r;
  const distances = new Float64Array((points.length / r) * classes);
  for (let row = 0; row * r < points.length; row++) {
    const point = points.subarray(row * r, (row + 1) * r);
    for (let k = 0; k < classes; k++) {
      distances[row * classes + k] = distanceBelow(
        Number.POSITIVE_INFINITY,
        within,
        k * step,
        point,
        means,
        k * r,
      );
    }
  }
  return distances;
}

/**
 * Squared Mahalanobis distance between two points in the covariance of class `k`, divided by the
 * number of dimensions: about 2 for two independent samples of the class.
 * @param a, b of the subspace, r coordinates.
 */
export function distanceWithin(
  model: Pick<NoveltyModel, 'dimensions' | 'within' | 'means'>,
  k: number,
  a: Float64Array,
  b: Float64Array,
): number {
  const { dimensions: r, within } = model;
  const difference = a.map((value, i) => value - b[i]!);
  const at = k * classStep(model);
  const origin = new Float32Array(r);
  return distanceBelow(Number.POSITIVE_INFINITY, within, at, difference, origin, 0) / r;
}

/**
 * -½ ln |Σ_k| of each class: the part of its log-density that does not depend on the distance, up
 * to a constant that all classes share.
 */
export function logDensityOffsets(
  model: Pick<NoveltyModel, 'dimensions' | 'within' | 'means'>,
): Float64Array {
  const { dimensions: r, within, means } = model;
  const step = classStep(model);
  return Float64Array.from({ length: means.length / r }, (_, k) => {
    let sum = 0;
    let at = k * step;
    for (let i = 0; i < r; i++) {
      at += i;
      sum += Math.log(within[at]!);
      at += 1;
    }
    return sum;
  });
}

/**
 * Novelty score of each row; see {@link NoveltyModel}. Features and errors as in {@link
 * subspacePoints}.
 */
export function noveltyScores(model: NoveltyModel, features: Float32Array): Float64Array {
  const points = subspacePoints(model, features);
  const r = model.dimensions;
  return Float64Array.from({ length: points.length / r }, (_, row) =>
    noveltyScore(model, points.subarray(row * r, (row + 1) * r)),
  );
}

/** B z. Four sums at once, because one sum would wait for each addition. */
function project({ dimensions, basis, basisScale }: NoveltyModel, z: Float32Array): Float64Array {
  const d = z.length;
  const inside = new Float64Array(dimensions);
  for (let i = 0; i < dimensions; i++) {
    const row = i * d;
    let [a, b, c, e] = [0, 0, 0, 0];
    let j = 0;
    for (; j + 4 <= d; j += 4) {
      a += basis[row + j]! * z[j]!;
      b += basis[row + j + 1]! * z[j + 1]!;
      c += basis[row + j + 2]! * z[j + 2]!;
      e += basis[row + j + 3]! * z[j + 3]!;
    }
    for (; j < d; j++) a += basis[row + j]! * z[j]!;
    inside[i] = (a + b + c + e) * basisScale[i]!;
  }
  return inside;
}

/** The score of a point of the subspace, r coordinates. */
export function noveltyScore(
  model: Omit<NoveltyModel, 'basis' | 'basisScale' | 'scores'>,
  inside: Float64Array,
): number {
  const { dimensions: r, within, means, background, centre } = model;
  const step = classStep(model);
  let nearest = Number.POSITIVE_INFINITY;
  for (let k = 0; k * r < means.length; k++) {
    nearest = distanceBelow(nearest, within, k * step, inside, means, k * r);
  }
  return nearest - distanceBelow(Number.POSITIVE_INFINITY, background, 0, inside, centre, 0);
}

/** Offset from the covariance of one class to the next; 0: all classes share one. */
function classStep({ dimensions, within }: Pick<NoveltyModel, 'dimensions' | 'within'>): number {
  const triangle = triangleLength(dimensions);
  return within.length > triangle ? triangle : 0;
}

/**
 * The share of known samples with at least this novelty score, 0..1; small = none of the head's
 * classes.
 * @param features untransformed, of one frame.
 * @throws HL_FEATURES_MISMATCH
 */
export function noveltyPValue(model: NoveltyModel, features: Float32Array): number {
  return noveltyPValueAt(model, subspacePoints(model, features));
}

/** {@link noveltyPValue} of a point of the subspace, r coordinates. */
export function noveltyPValueAt(model: NoveltyModel, point: Float64Array): number {
  return extrapolatedPValue(model.scores, noveltyScore(model, point));
}

/**
 * The model without the mean and the covariance of class `k`. What all classes share (the subspace,
 * the background, the common part of each covariance) still contains its samples.
 * @param k 0..C-1, C >= 2.
 */
export function withoutClass(model: NoveltyModel, k: number): NoveltyModel {
  const { dimensions: r, within, means } = model;
  const triangle = triangleLength(r);
  return {
    ...model,
    within: within.length > triangle ? without(within, k * triangle, triangle) : within,
    means: without(means, k * r, r),
  };
}

function without(values: Float32Array, from: number, length: number): Float32Array {
  const rest = new Float32Array(values.length - length);
  rest.set(values.subarray(0, from));
  rest.set(values.subarray(from + length), from);
  return rest;
}

/**
 * W x - mean|² for the packed triangle W that begins at `at`, or `bound` as soon as the sum reaches it:
 * the sum only grows from row to row.
 */
function distanceBelow(
  bound: number,
  triangles: Float32Array,
  at: number,
  x: Float64Array,
  mean: Float32Array,
  from: number,
): number {
  let distance = 0;
  for (let i = 0; i < x.length; i++) {
    let sum = -mean[from + i]!;
    for (let j = 0; j <= i; j++) sum += triangles[at++]! * x[j]!;
    distance += sum * sum;
    if (distance >= bound) return bound;
  }
  return distance;
}
