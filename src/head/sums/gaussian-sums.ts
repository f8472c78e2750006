import { isHeadlandError } from '../../base/errors.js';
import { addProductTransposed, cholesky } from '../algebra/linalg.js';
import { noveltyScore } from '../unknown/novelty.js';
import {
  type Gaussians,
  gaussiansFromSpreads,
  LEAST_FOR_OWN,
  NOVELTY_DEFAULTS,
  type Spread,
} from '../unknown/novelty-gaussians.js';
import { type NoveltyModel, quantisedBasis } from '../unknown/novelty-model.js';
import { type Basis, basisFromMoment, lift, unpack } from './basis.js';
import { type ClassSums, emptySums, plus } from './class-sums.js';

/** The Gaussians of a novelty model, in the coordinates of sums. */
export interface SumsGaussians extends Gaussians {
  /** r x k, row-major, orthonormal rows: the subspace. */
  vectors: Float32Array;
}

/**
 * The class Gaussians of `fitClassGaussians`, from sums alone: means and scatters in the directions that
 * carry most of the second moment of all samples. There are no unlabelled frames in sums, so that the
 * background is that of the labelled ones.
 */
export function gaussiansFromSums(classes: readonly { sums: ClassSums }[]): SumsGaussians {
  const k = classes[0]!.sums.sum.length;
  const all = classes.reduce((sum, { sums }) => plus(sum, sums), emptySums(k));
  const { dimensions, shrinkage, commonSamples } = NOVELTY_DEFAULTS;
  const r = Math.max(1, Math.min(dimensions, Math.floor(all.samples / 2), k));
  const vectors = basisFromMoment(all.gram, k, r).vectors ?? identity(k);
  const isFew = all.samples < LEAST_FOR_OWN * classes.length;
  const gaussians = gaussiansFromSpreads(
    classes.map(({ sums }) => spreadOf(sums, vectors, k)),
    spreadOf(all, vectors, k),
    { shrinkage, commonSamples: isFew ? Number.POSITIVE_INFINITY : commonSamples },
  );
  return { ...gaussians, vectors };
}

function identity(k: number): Float32Array {
  const out = new Float32Array(k * k);
  for (let i = 0; i < k; i++) out[i * k + i] = 1;
  return out;
}

/** Mean V m and scatter V (G - n m mᵀ) Vᵀ in the subspace. */
function spreadOf({ samples, sum, gram }: ClassSums, vectors: Float32Array, k: number): Spread {
  const r = vectors.length / k;
  const rows = Float64Array.from(vectors);
  const block = (data: Float64Array, stride: number) => ({ data, offset: 0, stride });
  const half = new Float64Array(r * k);
  addProductTransposed(block(half, k), block(rows, k), r, block(unpack(gram, k), k), k, k);
  const scatter = new Float64Array(r * r);
  addProductTransposed(block(scatter, r), block(half, k), r, block(rows, k), r, k);
  const mean = pointsOf(vectors, sum).map((value) => value / samples);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < r; j++) {
      scatter[i * r + j] = scatter[i * r + j]! - samples * mean[i]! * mean[j]!;
    }
    // Rounding must not make a variance negative.
    scatter[i * r + i] = Math.max(scatter[i * r + i]!, 0);
  }
  // Noise can outweigh what varies: then only the variances count.
  if (!isScatter(scatter, r, samples)) scatter.forEach(keepDiagonal(r));
  return { count: samples, mean, scatter };
}

const keepDiagonal = (r: number) => (_: number, at: number, values: Float64Array) => {
  if (at % (r + 1) !== 0) values[at] = 0;
};

/** Whether a symmetric matrix has no negative eigenvalue, up to rounding. */
function isScatter(matrix: Float64Array, r: number, samples: number): boolean {
  const shifted = matrix.slice();
  let trace = 0;
  for (let i = 0; i < r; i++) trace += matrix[i * r + i]!;
  for (let i = 0; i < r; i++) {
    shifted[i * r + i] = shifted[i * r + i]! + 1e-9 * trace + 1e-12 * samples;
  }
  try {
    cholesky(shifted, r);
    return true;
  } catch (error) {
    if (isHeadlandError(error, 'HL_MATRIX_NOT_POSITIVE_DEFINITE')) return false;
    throw error;
  }
}

/** Rows of the coordinates of sums as points of the subspace. @param z one row, k values */
function pointsOf(vectors: Float32Array, z: Float64Array): Float64Array {
  const k = z.length;
  return Float64Array.from({ length: vectors.length / k }, (_, i) => {
    let value = 0;
    for (let j = 0; j < k; j++) value += vectors[i * k + j]! * z[j]!;
    return value;
  });
}

/** Novelty score of one row in the coordinates of sums. */
export function noveltyOfRow(model: SumsGaussians, z: Float64Array): number {
  return noveltyScore(model, pointsOf(model.vectors, z));
}

/** The novelty model of a head on features. @param histogram of left-out scores */
export function noveltyModel(
  model: SumsGaussians,
  basis: Basis,
  histogram: readonly number[],
): NoveltyModel {
  const { vectors, ...gaussians } = model;
  const rows = lift(basis, Float64Array.from(vectors));
  return {
    ...gaussians,
    ...quantisedBasis(rows, basis.featureSize),
    scores: scoresOfHistogram(histogram),
  };
}

/** Bins of a histogram of novelty scores: even in asinh(score / 4), about 8 % wide where scores are large. */
const HALF_BINS = 100;
const BINS_PER_UNIT = 12;
const SMALL_SCORE = 4;
export const HISTOGRAM_BINS = 2 * HALF_BINS + 1;
const MAX_SCORES = 4_096;

export function binOf(score: number): number {
  const at = Math.round(Math.asinh(score / SMALL_SCORE) * BINS_PER_UNIT);
  return HALF_BINS + Math.max(-HALF_BINS, Math.min(HALF_BINS, at));
}

function scoreOfBin(bin: number): number {
  return SMALL_SCORE * Math.sinh((bin - HALF_BINS) / BINS_PER_UNIT);
}

/** Scores with the distribution of a histogram, ascending; at most 4,096. */
export function scoresOfHistogram(histogram: readonly number[]): Float32Array {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const length = Math.min(MAX_SCORES, Math.floor(total));
  const scores = new Float32Array(length);
  let bin = 0;
  let below = histogram[0] ?? 0;
  for (let i = 0; i < length; i++) {
    const wanted = ((i + 0.5) * total) / length;
    while (below < wanted && bin + 1 < histogram.length) below += histogram[++bin]!;
    scores[i] = scoreOfBin(bin);
  }
  return scores;
}
