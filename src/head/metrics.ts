import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';
import { indexOfLargest } from './score.js';

const CALIBRATION_BINS = 15;

export interface ClassMetrics {
  /** TP / (TP + FP); 0 when the class was never predicted. */
  precision: number;
  /** TP / (TP + FN); 0 when the class has no sample. */
  recall: number;
  /** 2 TP / (2 TP + FP + FN); 0 when the class neither occurs nor was predicted. */
  f1: number;
  /** Area under the one-vs-rest ROC curve; null when all samples or none are of this class. */
  auc: number | null;
  /** Samples of this class. */
  support: number;
}

/** All values 0..1 except logLoss (nats). */
export interface ClassificationMetrics {
  samples: number;
  accuracy: number;
  /** Unweighted mean over the classes that have a sample or were predicted. */
  macroPrecision: number;
  macroRecall: number;
  /** Mean of the F1 of the classes, not the F1 of the means. */
  macroF1: number;
  /** Mean of the F1 of the classes, weighted by support. */
  weightedF1: number;
  /** Mean over the classes that have an area; null when none has. */
  macroAuc: number | null;
  /** All scores of all classes as one ranking. */
  microAuc: number;
  /** Mean -ln p of the true class, p clipped to [2.2e-16, 1 - 2.2e-16]. */
  logLoss: number;
  /** Expected calibration error over 15 bins of equal mass. */
  ece: number;
  /** [true class][predicted class], samples. */
  confusion: number[][];
  perClass: ClassMetrics[];
}

/**
 * Metrics of probabilities by scikit-learn's definitions with its defaults (labels = those of truth
 * and predictions, zero_division = 0); the predicted class is the first of the most probable.
 * @param probabilities n x classCount, row-major, rows sum to 1. @param labels n, n >= 1.
 * @throws HL_METRICS_INVALID on no sample, wrong lengths, labels out of range or values outside
 *   0..1.
 */
export function classificationMetrics(
  probabilities: Float64Array,
  labels: Int32Array,
  classCount: number,
): ClassificationMetrics {
  check(probabilities, labels, classCount);
  const n = labels.length;
  const confusion = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0));
  const confidence = new Float64Array(n);
  const right = new Uint8Array(n);
  let logLoss = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i]!;
    const guess = indexOfLargest(probabilities, i * classCount, classCount);
    confusion[label]![guess]!++;
    confidence[i] = probabilities[i * classCount + guess]!;
    right[i] = guess === label ? 1 : 0;
    const p = probabilities[i * classCount + label]!;
    logLoss -= Math.log(Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p)));
  }
  const perClass = confusion.map((row, c): ClassMetrics => {
    const hits = row[c]!;
    const support = row.reduce((sum, x) => sum + x, 0);
    const predicted = confusion.reduce((sum, other) => sum + other[c]!, 0);
    return {
      precision: ratio(hits, predicted),
      recall: ratio(hits, support),
      f1: ratio(2 * hits, support + predicted),
      auc: aucOfClass(probabilities, labels, classCount, c),
      support,
    };
  });
  // A class without a sample in a small holdout says nothing about the head.
  const occurring = perClass.filter(
    ({ support }, c) => support > 0 || confusion.some((row) => row[c]! > 0),
  );
  const mean = (of: (m: ClassMetrics) => number) =>
    occurring.reduce((sum, m) => sum + of(m), 0) / occurring.length;
  const aucs = perClass.flatMap((m) => (m.auc === null ? [] : [m.auc]));
  return {
    samples: n,
    accuracy: right.reduce((sum, x) => sum + x, 0) / n,
    macroPrecision: mean((m) => m.precision),
    macroRecall: mean((m) => m.recall),
    macroF1: mean((m) => m.f1),
    weightedF1: perClass.reduce((sum, m) => sum + m.f1 * m.support, 0) / n,
    macroAuc: aucs.length === 0 ? null : aucs.reduce((sum, x) => sum + x, 0) / aucs.length,
    microAuc: microAuc(probabilities, labels, classCount),
    logLoss: logLoss / n,
    ece: calibrationError(confidence, right),
    confusion,
    perClass,
  };
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function aucOfClass(
  probabilities: Float64Array,
  labels: Int32Array,
  classCount: number,
  c: number,
): number | null {
  const scores = Float64Array.from(labels, (_, i) => probabilities[i * classCount + c]!);
  return areaUnderRoc(
    scores,
    Uint8Array.from(labels, (label) => (label === c ? 1 : 0)),
  );
}

function microAuc(probabilities: Float64Array, labels: Int32Array, classCount: number): number {
  const positive = new Uint8Array(probabilities.length);
  for (let i = 0; i < labels.length; i++) positive[i * classCount + labels[i]!] = 1;
  return areaUnderRoc(probabilities, positive)!;
}

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores
 * higher, ties counting one half (Mann & Whitney 1947, by midranks). Null without positives or
 * negatives.
 */
export function areaUnderRoc(scores: Float64Array, positive: Uint8Array): number | null {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let from = 0; from < order.length; ) {
    let to = from;
    let tied = 0;
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) {
      tied += positive[order[to]!]!;
      to++;
    }
    positives += tied;
    rankSum += (tied * (from + 1 + to)) / 2;
    from = to;
  }
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Expected calibration error. Samples are sorted by the probability of the predicted class (equal
 * ones: wrong before right, so that their order cannot matter) and cut into bins whose sizes differ
 * by at most one. The error is the mean of |accuracy - confidence| over bins, weighted by size
 * (equal-mass form of Naeini et al. 2015; Nixon et al. 2019).
 */
export function calibrationError(
  confidence: Float64Array,
  right: Uint8Array,
  bins = CALIBRATION_BINS,
): number {
  const n = confidence.length;
  const order = Uint32Array.from(confidence.keys()).sort(
    (a, b) => confidence[a]! - confidence[b]! || right[a]! - right[b]!,
  );
  let error = 0;
  let from = 0;
  for (let bin = 0; bin < bins; bin++) {
    const to = from + Math.floor(n / bins) + (bin < n % bins ? 1 : 0);
    let difference = 0;
    for (let i = from; i < to; i++) difference += right[order[i]!]! - confidence[order[i]!]!;
    error += Math.abs(difference) / n;
    from = to;
  }
  return error;
}

function check(probabilities: Float64Array, labels: Int32Array, classCount: number): void {
  const wrong = (what: string) =>
    new HeadlandError('HL_METRICS_INVALID', `cannot compute metrics: ${what}`, {
      remedy: DEFECT_REMEDY,
    });
  if (labels.length === 0 || probabilities.length !== labels.length * classCount) {
    throw wrong(
      `${probabilities.length} probabilities for ${labels.length} labels of ${classCount} classes`,
    );
  }
  for (const p of probabilities) if (!(p >= 0 && p <= 1)) throw wrong(`a probability is ${p}`);
  for (const label of labels) {
    if (label < 0 || label >= classCount) throw wrong(`label ${label} of ${classCount} classes`);
  }
}
