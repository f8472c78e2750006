import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';
import {
  factoriseShifted,
  rotateRows,
  rotateRowsBack,
  tridiagonalise,
  unwhitenRows,
  whitenRows,
} from '../algebra/tridiagonal.js';
import { RIDGE_LAMBDAS } from '../learners/ridge.js';
import type { ClassSums } from './class-sums.js';

/** Ridge heads in the basis of the sums, one for each λ; outputs = weights · z + bias. */
export interface RidgeHeads {
  labels: readonly string[];
  /** In units of the mean diagonal of the centred Gram matrix. */
  lambdas: readonly number[];
  /** For each λ, C x k, row-major. */
  weights: Float64Array[];
  /** For each λ, C. */
  bias: Float64Array[];
}

export interface RidgeSumsOptions {
  /** In units of the mean diagonal of the centred Gram matrix; > 0. */
  lambdas?: readonly number[];
  /** Variance of the noise in each value of each class, added over robots; 0: none. */
  variance?: number;
}

/**
 * The class-balanced ridge regression of `fitRidge`, from sums alone: row weights N / (C n_c), one-hot
 * targets, an unpenalised bias. With the same samples it is the same head up to rounding. One
 * tridiagonal reduction serves all λ (Eldén 1977): about 4 k³ / 3 + λs C k² multiply-adds.
 * @param classes at least two; each with samples > 0
 * @throws HL_TRAINING_SET_INVALID with fewer than two classes
 */
export function ridgeFromSums(
  classes: readonly { label: string; sums: ClassSums }[],
  { lambdas = RIDGE_LAMBDAS, variance = 0 }: RidgeSumsOptions = {},
): RidgeHeads {
  const count = classes.length;
  if (count < 2) {
    throw new HeadlandError('HL_TRAINING_SET_INVALID', `sums of ${count} classes make no head`, {
      remedy: DEFECT_REMEDY,
    });
  }
  const k = classes[0]!.sums.sum.length;
  const total = classes.reduce((sum, { sums }) => sum + sums.samples, 0);
  // Every class has the weight total / C, so that the mean is the mean of the class means.
  const classWeight = total / count;
  const means = classes.map(({ sums }) => sums.sum.map((value) => value / sums.samples));
  const mean = new Float64Array(k);
  for (const own of means) for (let j = 0; j < k; j++) mean[j] = mean[j]! + own[j]! / count;

  const gram = new Float64Array(k * k);
  let trace = 0;
  let noise = 0;
  for (const { sums } of classes) {
    const factor = classWeight / sums.samples;
    noise += factor * factor * variance;
    for (let i = 0, at = 0; i < k; i++) {
      for (let j = 0; j <= i; j++) {
        const index = i * k + j;
        gram[index] = gram[index]! + factor * sums.gram[at++]!;
      }
    }
  }
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      gram[i * k + j] = gram[i * k + j]! - total * mean[i]! * mean[j]!;
    }
    trace += gram[i * k + i]!;
  }
  // Σ w (z - m)(y_c - 1/C) = W/C · (m_c - m) for centred z, whatever is subtracted from y.
  const projected = new Float64Array(count * k);
  for (const [c, own] of means.entries()) {
    for (let j = 0; j < k; j++) projected[c * k + j] = classWeight * (own[j]! - mean[j]!);
  }
  const unit = trace > 0 ? trace / k : 1;
  // The largest eigenvalue of symmetric noise (Wigner's semicircle): below it the matrix says nothing, and
  // may not even be positive.
  const floor = 2 * Math.sqrt(k * noise);
  const t = tridiagonalise(gram, k);
  rotateRows(t, projected, count);
  const weights: Float64Array[] = [];
  const bias: Float64Array[] = [];
  for (const lambda of lambdas) {
    const factor = factoriseShifted(t, lambda * unit + floor);
    const solution = new Float64Array(count * k);
    whitenRows(factor, projected, 0, count, solution);
    unwhitenRows(factor, solution, count);
    rotateRowsBack(t, solution, count);
    weights.push(solution);
    bias.push(biasOf(solution, mean, count));
  }
  return { labels: classes.map(({ label }) => label), lambdas, weights, bias };
}

/** 1/C - w · mean: the bias that centring implies. */
function biasOf(weights: Float64Array, mean: Float64Array, count: number): Float64Array {
  const k = mean.length;
  return Float64Array.from({ length: count }, (_, c) => {
    let value = 1 / count;
    for (let j = 0; j < k; j++) value -= weights[c * k + j]! * mean[j]!;
    return value;
  });
}
