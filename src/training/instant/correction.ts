import { listIn } from '../../base/values/list-in.js';
import { minimise } from '../../head/algebra/lbfgs.js';
import { cholesky, gramOfRows } from '../../head/algebra/linalg.js';
import type { Head } from '../../head/head.js';
import { headLogits, softmaxRows } from '../../head/score.js';
import { rowLabels } from '../../head/serving/renamed-head.js';
import { transformFeatures } from '../../head/transform.js';
import { linearPart } from '../fit/recipes.js';

/** Training data of a correction: a row of features for each label. */
export interface Lesson {
  /**
   * n x featureSize, row-major, untransformed; n >= 1. Includes samples that the head has learnt:
   * their mean is that of usual images, and they keep the head to what it knows.
   */
  features: Float32Array;
  /** n. A label that the head does not know becomes a new class. */
  labels: readonly string[];
  /** n: 1 over the number of near-duplicates of a row, which together weigh as one. Default all 1. */
  shares?: Float64Array;
}

export interface CorrectionOptions {
  /**
   * How strongly the head resists change, > 0; see {@link correctHead}. Default 0.3, with a new
   * class 0.1.
   */
  lambda?: number;
  /** How far the logit of a new class starts above the mean of all others; nats. */
  newClassLead?: number;
}

/** Chosen by `bench -- instant`; bench/results/instant.md has the figures. */
const LAMBDA = { knownClasses: 0.3, newClass: 0.1 };
const NEW_CLASS_LEAD = 1;
/**
 * Repeated frames make the kernel matrix singular. This much on its diagonal, whose mean is about
 * 1, keeps it definite.
 */
const JITTER = 1e-6;
const GRADIENT_TOLERANCE = 1e-5;
const MAX_ITERATIONS = 200;

/**
 * Teaches a linear head more labels with the head itself as the prior: kernel logistic regression
 * with the head's logits as offset. Over the n rows it minimises
 *
 *   Σ_i -s_i ln softmax(z_i + (K A)_i)[y_i] + λ/2 tr(Aᵀ K A),   K_ij = u_i·u_j,
 *
 * where s are the shares, z the head's calibrated logits and u its transformed features minus their
 * mean, divided by the root mean square distance from it. Features unlike everything taught change
 * little, and labels that the head knows already teach it little. K has no constant term: with one,
 * a few labels of one class would favour that class everywhere. Because K is linear, the result is again
 * a linear head: weights += Aᵀ U. L-BFGS finds the minimum in B = Lᵀ A with K = L Lᵀ, where A = S (Y
 * - P) / λ. (Zhu & Hastie 2005, Kernel Logistic Regression and the Import Vector Machine; the
 * offset as in Schapire et al. 2002, Incorporating Prior Knowledge into Boosting.)
 *
 * Cost in multiply-adds: n² d / 2 for K, n³ / 6, then n² C for each of a few dozen steps.
 *
 * @returns A head of temperature 1 that also knows the new labels, without prediction sets. It has
 *   a novelty model only if its class Gaussians answer.
 * @throws HL_FEATURES_MISMATCH
 */
export function correctHead(head: Head, lesson: Lesson, options: CorrectionOptions = {}): Head {
  const { newClassLead = NEW_CLASS_LEAD } = options;
  const prior = withClasses(head, lesson.labels, newClassLead);
  const rowsOf = rowsByLabel(prior);
  const d = head.featureSize;
  const n = lesson.labels.length;
  const shares = lesson.shares ?? new Float64Array(n).fill(1);
  const classes = prior.bias.length;
  const grown = classes > head.bias.length;
  const lambda = options.lambda ?? (grown ? LAMBDA.newClass : LAMBDA.knownClasses);
  const offset = headLogits(prior, lesson.features);
  const { rows, mean, scale } = standardised(lesson.features, d, head.transform, shares);
  const kernel = gramOfRows(rows, n, d);
  for (let i = 0; i < n; i++) kernel[i * n + i] = kernel[i * n + i]! * (1 + JITTER) + JITTER;
  // Of the rows of a class that were classes of their own, the one that fits best is taught.
  const truth = lesson.labels.map((label, i) =>
    rowsOf
      .get(label)!
      .reduce((best, row) =>
        offset[i * classes + row]! > offset[i * classes + best]! ? row : best,
      ),
  );
  const residuals = solve(kernel, offset, truth, shares, classes, lambda);

  const weights = new Float32Array(prior.weights);
  const bias = new Float32Array(prior.bias);
  for (let c = 0; c < classes; c++) {
    const change = new Float64Array(d);
    let shift = 0;
    for (let i = 0; i < n; i++) {
      const share = residuals[i * classes + c]! / lambda;
      for (let j = 0; j < d; j++) change[j] = change[j]! + share * rows[i * d + j]!;
    }
    for (let j = 0; j < d; j++) {
      weights[c * d + j] = weights[c * d + j]! + change[j]! / scale;
      shift -= (change[j]! * mean[j]!) / scale;
    }
    bias[c] = bias[c]! + shift;
  }
  return { ...prior, weights, bias };
}

/**
 * The head with calibrated logits and a row for every label; new rows start at the mean of all
 * rows. Class Gaussians stay while they know every class; else the linear layer replaces them.
 */
function withClasses(given: Head, labels: readonly string[], newClassLead: number): Head {
  const known = rowLabels(given);
  const grown = labels.some((label) => !known.includes(label));
  const head = grown ? linearPart(given) : given;
  const { featureSize: d, temperature, setProbability: _, novelty, gaussianScale, ...rest } = head;
  const all = [
    ...known.map((label, row) => ({ label, row })),
    ...[...new Set(labels)]
      .filter((label) => !known.includes(label))
      .map((label) => ({ label, row: undefined })),
  ];
  if (!given.labelOfRow) all.sort((a, b) => (a.label < b.label ? -1 : 1));
  const weights = new Float32Array(all.length * d);
  const bias = new Float32Array(all.length);
  for (const [c, { row }] of all.entries()) {
    const sources = row === undefined ? [...known.keys()] : [row];
    for (const source of sources) {
      const share = 1 / (sources.length * temperature);
      bias[c] = bias[c]! + share * head.bias[source]!;
      for (let j = 0; j < d; j++) {
        weights[c * d + j] = weights[c * d + j]! + share * head.weights[source * d + j]!;
      }
    }
    if (row === undefined) bias[c] = bias[c]! + newClassLead;
  }
  const gaussians =
    novelty && gaussianScale !== undefined
      ? { novelty, gaussianScale: gaussianScale / temperature }
      : {};
  const { labelOfRow: __, ...plain } = rest;
  const named = { ...plain, ...gaussians, featureSize: d, weights, bias, temperature: 1 };
  const ofRows = all.map(({ label }) => label);
  if (!given.labelOfRow) return { ...named, labels: ofRows };
  const spoken = [...new Set(ofRows)].sort();
  const labelOfRow = Int32Array.from(ofRows, (label) => spoken.indexOf(label));
  return { ...named, labels: spoken, labelOfRow };
}

function rowsByLabel(head: Head): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  for (const [row, label] of rowLabels(head).entries()) listIn(rows, label).push(row);
  return rows;
}

/**
 * Transformed rows minus their mean, divided by their root mean square distance from it, `scale`;
 * both weighted by the shares.
 */
function standardised(
  features: Float32Array,
  d: number,
  transform: Head['transform'],
  shares: Float64Array,
): { rows: Float64Array; mean: Float64Array; scale: number } {
  const transformed = transformFeatures(features, d, transform);
  const n = transformed.length / d;
  const total = shares.reduce((sum, share) => sum + share, 0);
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) mean[j] = mean[j]! + (shares[i]! * transformed[i * d + j]!) / total;
  }
  const rows = new Float64Array(transformed.length);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) {
      const difference = transformed[i * d + j]! - mean[j]!;
      rows[i * d + j] = difference;
      squares += shares[i]! * difference * difference;
    }
  }
  const scale = squares > 0 ? Math.sqrt(squares / total) : 1;
  for (let i = 0; i < rows.length; i++) rows[i] = rows[i]! / scale;
  return { rows, mean, scale };
}

/** S (Y - P) at the minimum, n x C. Overwrites the kernel with its Cholesky factor. */
function solve(
  kernel: Float64Array,
  offset: Float64Array,
  truth: readonly number[],
  shares: Float64Array,
  classes: number,
  lambda: number,
): Float64Array {
  const n = truth.length;
  cholesky(kernel, n);
  const residuals = new Float64Array(n * classes);
  const evaluate = (b: Float64Array, gradient: Float64Array): number => {
    const logits = offset.slice();
    addLowerProduct(kernel, b, classes, logits);
    softmaxRows(logits, classes);
    let loss = logLoss(logits, truth, shares, classes, residuals);
    for (let k = 0; k < b.length; k++) {
      gradient[k] = lambda * b[k]!;
      loss += (lambda / 2) * b[k]! * b[k]!;
    }
    subtractLowerTransposedProduct(kernel, residuals, classes, gradient);
    return loss;
  };
  const b = new Float64Array(n * classes);
  const isDone = (_: number, gradient: Float64Array): boolean =>
    gradient.every((g) => Math.abs(g) <= GRADIENT_TOLERANCE);
  minimise(evaluate, b, { isDone, maxIterations: MAX_ITERATIONS });
  evaluate(b, new Float64Array(b.length));
  return residuals;
}

/** target += L b; `b` and `target` are n x C, L is the lower triangle of an n x n matrix. */
function addLowerProduct(
  l: Float64Array,
  b: Float64Array,
  classes: number,
  target: Float64Array,
): void {
  const n = target.length / classes;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const share = l[i * n + j]!;
      for (let c = 0; c < classes; c++) {
        target[i * classes + c] = target[i * classes + c]! + share * b[j * classes + c]!;
      }
    }
  }
}

/** target -= Lᵀ b; the arguments are those of {@link addLowerProduct}. */
function subtractLowerTransposedProduct(
  l: Float64Array,
  b: Float64Array,
  classes: number,
  target: Float64Array,
): void {
  const n = target.length / classes;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const share = l[i * n + j]!;
      for (let c = 0; c < classes; c++) {
        target[j * classes + c] = target[j * classes + c]! - share * b[i * classes + c]!;
      }
    }
  }
}

/** Σ -s ln p of the true class, in nats; writes S (Y - P) to `residuals`, n x C. */
function logLoss(
  probabilities: Float64Array,
  truth: readonly number[],
  shares: Float64Array,
  classes: number,
  residuals: Float64Array,
): number {
  let loss = 0;
  for (const [i, label] of truth.entries()) {
    const share = shares[i]!;
    for (let c = 0; c < classes; c++) {
      const residual = (label === c ? 1 : 0) - probabilities[i * classes + c]!;
      residuals[i * classes + c] = share * residual;
    }
    loss -= share * Math.log(Math.max(probabilities[i * classes + label]!, Number.MIN_VALUE));
  }
  return loss;
}
