import { createRandom } from '../../base/random.js';
import { dot } from '../algebra/lbfgs.js';
import type { FeatureTransform } from '../head.js';
import {
  checkTrainingSet,
  classBalancedWeights,
  type LinearFit,
  leadsCluster,
  sharesOf,
  type TrainingSet,
} from '../training-set.js';
import { standardise } from './standardise.js';

/** Directions kept per class, and the least in all. */
const PER_CLASS = 16;
const LEAST = 128;
const POWER_ITERATIONS = 1;
/** Share of a row's squared length below which the remainder is Float32 rounding. */
const LEAST_OWN_SHARE = 1e-5;

/** A training set in its principal directions, and the way back. */
export interface ProjectedSet {
  /** Its features are already transformed: learners use the transform `none`. */
  set: TrainingSet;
  /** Turns a head on the projected features into a head on the original features. */
  lift: (fit: LinearFit) => LinearFit;
}

/** A product that a step needs: x · matrixᵀ (rows x count), or matrix · x (count x features). */
export interface ProductRequest {
  x: Float32Array;
  rows: number;
  features: number;
  kind: 'x-matrixT' | 'matrix-x';
  /** count x features, or count x rows; row-major. */
  matrix: Float32Array;
  count: number;
}

type Products<T> = Generator<ProductRequest, T, Float32Array>;

/**
 * Projects the transformed, centred features on their first principal directions (16 per class, at
 * least 128) by randomised subspace iteration (Halko, Martinsson & Tropp 2011), when there are more
 * rows and features than that. The dropped directions vary least; learners in the kept ones cost a
 * tenth and are as good in another place (bench/results/accuracy.md). Labels influence only the
 * class-balanced mean, so that left-out rows stay left out as far as their labels go.
 * Deterministic.
 *
 * Yields the products it needs, so that any engine can compute them; {@link projected} computes
 * them here.
 */
export function* projectionSteps(
  set: TrainingSet,
  transform: FeatureTransform,
): Products<ProjectedSet> {
  checkTrainingSet(set);
  const { rows, featureSize: features, classCount } = set;
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  const weights = classBalancedWeights(set.labels, classCount, sharesOf(set));
  const { x, mean, factor } = standardise(set, order, weights, transform);
  const size = Math.max(LEAST, PER_CLASS * classCount);
  const leads = leadsCluster(set);
  const leaders = leads.reduce((sum, lead) => sum + lead, 0);
  // Near-duplicates would turn the directions towards what was photographed most often.
  const basis =
    Math.min(leaders, features) > size
      ? yield* principalBasis(rowsWhere(x, features, leads, leaders), leaders, features, size)
      : null;
  const reduced = basis
    ? yield { x, rows, features, kind: 'x-matrixT', matrix: basis, count: size }
    : x;
  const lift = (fit: LinearFit): LinearFit => {
    const lifted = new Float32Array(classCount * features);
    const bias = new Float32Array(classCount);
    for (let c = 0; c < classCount; c++) {
      const own = new Float64Array(features);
      if (basis) {
        // Four directions at a time: the row of sums is read and written a quarter as often.
        for (let k = 0; k < size; k += 4) {
          const at = k * features;
          const [p, q, r, s] = fit.weights.subarray(c * size + k, c * size + k + 4);
          for (let j = 0; j < features; j++) {
            own[j] =
              own[j]! +
              (p! * basis[at + j]! +
                q! * basis[at + features + j]! +
                r! * basis[at + 2 * features + j]! +
                s! * basis[at + 3 * features + j]!);
          }
        }
      } else own.set(fit.weights.subarray(c * features, (c + 1) * features));
      let shift = fit.bias[c]!;
      for (let j = 0; j < features; j++) {
        lifted[c * features + j] = own[j]! * factor;
        shift -= own[j]! * factor * mean[j]!;
      }
      bias[c] = shift;
    }
    const candidates = fit.candidates.map((candidate) => ({ ...candidate, transform }));
    return { ...fit, weights: lifted, bias, transform, candidates };
  };
  return { set: { ...set, features: reduced, featureSize: basis ? size : features }, lift };
}

/** {@link projectionSteps} with the products computed here, in Float64 sums. */
export function projected(set: TrainingSet, transform: FeatureTransform): ProjectedSet {
  const steps = projectionSteps(set, transform);
  let step = steps.next();
  while (!step.done) step = steps.next(product(step.value));
  return step.value;
}

/** The rows marked 1, of which there are `count`. */
function rowsWhere(
  x: Float32Array,
  features: number,
  marks: Uint8Array,
  count: number,
): Float32Array {
  if (count === marks.length) return x;
  const picked = new Float32Array(count * features);
  let at = 0;
  for (const [row, mark] of marks.entries()) {
    if (mark === 0) continue;
    picked.set(x.subarray(row * features, (row + 1) * features), at * features);
    at++;
  }
  return picked;
}

/** size x features, rows orthonormal. */
function* principalBasis(
  x: Float32Array,
  rows: number,
  features: number,
  size: number,
): Products<Float32Array> {
  const random = createRandom(rows);
  const start = Float32Array.from({ length: size * rows }, () => (random.next() < 0.5 ? -1 : 1));
  const common = { x, rows, features, count: size };
  let basis = yield* orthonormal(yield { ...common, kind: 'matrix-x', matrix: start }, size);
  for (let i = 0; i < POWER_ITERATIONS; i++) {
    const seen = yield { ...common, kind: 'x-matrixT', matrix: basis };
    const turned = new Float32Array(size * rows);
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < size; k++) turned[k * rows + r] = seen[r * size + k]!;
    }
    // Orthonormal here too: squaring the spread of lengths would exceed the range of Float32.
    const even = yield* orthonormal(turned, size);
    basis = yield* orthonormal(yield { ...common, kind: 'matrix-x', matrix: even }, size);
  }
  return basis;
}

/**
 * Makes the rows orthonormal through the Cholesky factor of their Gram matrix (CholeskyQR2 of
 * Fukaya et al. 2014): approximately in the first pass, to rounding in the second. A row without a
 * direction of its own becomes 0.
 */
function* orthonormal(matrix: Float32Array, count: number): Products<Float32Array> {
  const features = matrix.length / count;
  let x = matrix;
  for (let i = 0; i < 2; i++) {
    const common = { x, rows: count, features, count };
    const gram = yield { ...common, kind: 'x-matrixT', matrix: x };
    x = yield { ...common, kind: 'matrix-x', matrix: inverseRoot(gram, count) };
  }
  return x;
}

/** L⁻¹ of a Gram matrix LLᵀ, n x n; rows and columns without a direction of their own are 0. */
function inverseRoot(gram: Float32Array, n: number): Float32Array {
  const l = new Float64Array(n * n);
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let rest = gram[row + i]!;
    for (let j = 0; j < i; j++) {
      const pivot = l[j * n + j]!;
      if (pivot === 0) continue;
      let sum = gram[row + j]!;
      for (let p = 0; p < j; p++) sum -= l[row + p]! * l[j * n + p]!;
      l[row + j] = sum / pivot;
      rest -= l[row + j]! ** 2;
    }
    if (!(rest > LEAST_OWN_SHARE * gram[row + i]!)) {
      l.fill(0, row, row + i + 1);
      continue;
    }
    const pivot = Math.sqrt(rest);
    l[row + i] = pivot;
    inverse[row + i] = 1 / pivot;
    for (let j = 0; j < i; j++) {
      const factor = l[row + j]! / pivot;
      if (factor === 0) continue;
      for (let p = 0; p <= j; p++)
        inverse[row + p] = inverse[row + p]! - factor * inverse[j * n + p]!;
    }
  }
  return Float32Array.from(inverse);
}

/** The reference for every other engine that computes a product. */
export function product({ x, rows, features, kind, matrix, count }: ProductRequest): Float32Array {
  if (kind === 'x-matrixT') {
    const out = new Float32Array(rows * count);
    const from = Array.from({ length: count }, (_, k) =>
      Float64Array.from(matrix.subarray(k * features, (k + 1) * features)),
    );
    for (let r = 0; r < rows; r++) {
      const row = Float64Array.from(x.subarray(r * features, (r + 1) * features));
      for (let k = 0; k < count; k++) out[r * count + k] = dot(row, from[k]!);
    }
    return out;
  }
  const out = new Float64Array(count * features);
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * features, (r + 1) * features);
    for (let k = 0; k < count; k++) {
      const factor = matrix[k * rows + r]!;
      const at = k * features;
      for (let j = 0; j < features; j++) out[at + j] = out[at + j]! + factor * row[j]!;
    }
  }
  return Float32Array.from(out);
}
