import { HeadlandError } from '../base/errors.js';
import type { Head } from './head.js';
import { byLabel } from './serving/renamed-head.js';
import { transformFeatures } from './transform.js';
import { classDistances, subspacePoints } from './unknown/novelty.js';

/** One answer of a head. */
export interface LabelProbability {
  label: string;
  /** 0..1. */
  probability: number;
}

/**
 * Replaces each row of a row-major n x classCount matrix of logits by softmax(logits · scale), in
 * place. The largest logit is subtracted first, so that nothing overflows.
 */
export function softmaxRows(logits: Float64Array, classCount: number, scale = 1): void {
  for (let from = 0; from < logits.length; from += classCount) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classCount; c++) largest = Math.max(largest, scale * logits[from + c]!);
    let sum = 0;
    for (let c = 0; c < classCount; c++) {
      const value = Math.exp(scale * logits[from + c]! - largest);
      logits[from + c] = value;
      sum += value;
    }
    for (let c = 0; c < classCount; c++) logits[from + c] = logits[from + c]! / sum;
  }
}

/** Index of the largest of `count` values from `from` on; the first of equals. */
export function indexOfLargest(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (values[from + c]! > values[from + best]!) best = c;
  return best;
}

/** The parts of a head that its logits depend on. */
export type ScoringHead = Pick<
  Head,
  'weights' | 'bias' | 'transform' | 'featureSize' | 'novelty' | 'gaussianScale'
>;

/**
 * Logits of a head, before the temperature, one for each row of its weights.
 * @param features untransformed, n x featureSize, row-major.
 * @param points the features in the subspace of the head's novelty model, n x r; computed when
 *   absent.
 * @returns n x C, row-major.
 * @throws HL_FEATURES_MISMATCH when the length is no multiple of the head's feature size.
 */
export function headLogits(
  head: ScoringHead,
  features: Float32Array,
  points?: Float64Array,
): Float64Array {
  const d = head.featureSize;
  const classes = head.bias.length;
  if (features.length === 0 || features.length % d !== 0) {
    throw new HeadlandError(
      'HL_FEATURES_MISMATCH',
      `the head takes ${d} features, not ${features.length}`,
      { remedy: 'Train again: the head belongs to another backbone.' },
    );
  }
  const rows = features.length / d;
  const x = transformFeatures(features, d, head.transform);
  const logits = new Float64Array(rows * classes);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < classes; c++) {
      logits[i * classes + c] = head.bias[c]! + dot(x, i * d, head.weights, c * d, d);
    }
  }
  if (head.gaussianScale !== undefined && head.novelty) {
    const inside = points ?? subspacePoints(head.novelty, features);
    const distances = classDistances(head.novelty, inside);
    for (let i = 0; i < logits.length; i++) {
      logits[i] = logits[i]! - (head.gaussianScale * distances[i]!) / 2;
    }
  }
  return logits;
}

function dot(x: Float32Array, xAt: number, w: Float32Array, wAt: number, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += x[xAt + j]! * w[wAt + j]!;
  return sum;
}

/**
 * Probabilities of a head: softmax(logits / temperature).
 * @param features untransformed, n x featureSize, row-major (one row: one frame).
 * @param points as in {@link headLogits}.
 * @returns n x the number of labels, row-major, each row sums to 1.
 * @throws HL_FEATURES_MISMATCH
 */
export function headProbabilities(
  head: ScoringHead & Pick<Head, 'temperature' | 'labelOfRow'>,
  features: Float32Array,
  points?: Float64Array,
): Float64Array {
  const logits = headLogits(head, features, points);
  softmaxRows(logits, head.bias.length, 1 / head.temperature);
  return byLabel(head.labelOfRow, logits);
}

/** The k most probable labels of one frame, most probable first; equals in the order of labels. */
export function topLabels(
  answer: { labels: readonly string[]; probabilities: ArrayLike<number> },
  k: number,
): LabelProbability[] {
  return answer.labels
    .map((label, i) => ({ label, probability: answer.probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, Math.max(0, k));
}
