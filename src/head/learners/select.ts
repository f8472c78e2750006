import { fitScale } from '../calibrate.js';
import { indexOfLargest, softmaxRows } from '../score.js';
import type { Candidate } from '../training-set.js';

/** Log-losses that differ by less than this share count as equal; macro-F1 then decides. */
const TIE = 1e-3;
const SMALLEST_PROBABILITY = Number.EPSILON;

/** Rows of a row-major matrix with `columns` columns, in the order of `rows`. */
export function pickRows(matrix: Float64Array, columns: number, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * columns;
    out.set(matrix.subarray(from, from + columns), i * columns);
  }
  return out;
}

/** Row weights with which the weighted mean is the mean over classes of the class means. */
export function macroWeights(labels: Int32Array, classCount: number): Float64Array {
  const counts = new Float64Array(classCount);
  for (const label of labels) counts[label]!++;
  const present = counts.filter((count) => count > 0).length;
  return Float64Array.from(labels, (label) => 1 / (present * counts[label]!));
}

/**
 * The factor that turns ridge outputs, which are regressions on 0 and 1, into logits. It minimises
 * the macro log-loss of softmax(a · outputs).
 */
export function macroScale(outputs: Float64Array, labels: Int32Array, classCount: number): number {
  const range = { min: 0.01, max: 1000 };
  return fitScale(outputs, labels, classCount, range, macroWeights(labels, classCount));
}

/**
 * Macro log-loss (nats; probabilities clipped at 2.2e-16) and macro-F1 of logits on rows of known
 * class. Classes without a row do not count.
 */
export function judgeLogits(
  logits: Float64Array,
  labels: Int32Array,
  classCount: number,
): { logLoss: number; macroF1: number } {
  const probabilities = logits.slice();
  softmaxRows(probabilities, classCount);
  const weights = macroWeights(labels, classCount);
  const support = new Float64Array(classCount);
  const predicted = new Float64Array(classCount);
  const hits = new Float64Array(classCount);
  let logLoss = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    const p = probabilities[i * classCount + label]!;
    logLoss -= weights[i]! * Math.log(Math.max(p, SMALLEST_PROBABILITY));
    const guess = indexOfLargest(probabilities, i * classCount, classCount);
    support[label]!++;
    predicted[guess]!++;
    if (guess === label) hits[label]!++;
  }
  let sum = 0;
  let present = 0;
  for (let c = 0; c < classCount; c++) {
    if (support[c] === 0) continue;
    present++;
    sum += (2 * hits[c]!) / (support[c]! + predicted[c]!);
  }
  return { logLoss, macroF1: sum / present };
}

/**
 * Index of the candidate with the least log-loss, among equals the most macro-F1, then the largest
 * λ.
 */
export function bestCandidate(candidates: readonly Candidate[]): number {
  const least = Math.min(...candidates.map((candidate) => candidate.logLoss));
  let best = -1;
  for (const [i, candidate] of candidates.entries()) {
    if (candidate.logLoss > least * (1 + TIE)) continue;
    const holder = candidates[best];
    if (
      holder === undefined ||
      candidate.macroF1 > holder.macroF1 ||
      (candidate.macroF1 === holder.macroF1 && candidate.lambda > holder.lambda)
    ) {
      best = i;
    }
  }
  return best;
}
