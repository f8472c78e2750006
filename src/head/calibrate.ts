import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';

const MIN_TEMPERATURE = 0.05;
const MAX_TEMPERATURE = 1_000;

/** Imagined answers per class, and the least in all; see {@link fitTemperature}. */
const IMAGINED_PER_CLASS = 0.1;
const LEAST_IMAGINED = 1;

/**
 * The temperature T that minimises the mean -ln softmax(logits / T)[label] (Guo et al. 2017, On
 * Calibration of Modern Neural Networks), within 0.05..1000. Imagined answers, spread evenly over
 * all classes, smooth the labels, as in Platt 1999 (Probabilistic Outputs for Support Vector
 * Machines): when all of a few answers are right, the plain minimum is a head that is certain of
 * everything. A tenth of an answer per class, and at least one in all, gave the least log-loss and
 * calibration error (bench/results/calibration.md).
 * @param logits n x classCount, row-major, of rows that the head did not learn from.
 * @param labels class index per row, n >= 1.
 * @param independent Number of independent rows: frames of one pass are right or wrong together.
 *   1..n, default n.
 * @throws HL_CALIBRATION_INVALID on wrong lengths, labels or logits that are not finite.
 */
export function fitTemperature(
  logits: Float64Array,
  labels: Int32Array,
  classCount: number,
  independent = labels.length,
): number {
  const range = { min: 1 / MAX_TEMPERATURE, max: 1 / MIN_TEMPERATURE };
  const imagined = Math.max(LEAST_IMAGINED, IMAGINED_PER_CLASS * classCount);
  const smoothing = imagined / (independent + imagined);
  return 1 / fitScale(logits, labels, classCount, range, undefined, smoothing);
}

/**
 * The factor a > 0 that minimises the (weighted) mean -ln softmax(a · logits)[label]. The loss is
 * convex in a, so Newton steps inside a shrinking bracket drive its derivative to zero.
 * @param range bounds of a; where the minimum lies beyond a bound, that bound is returned.
 * @param weights one per row, not negative; by default all equal.
 * @param smoothing share of each label that is spread over all classes, 0..1.
 * @throws HL_CALIBRATION_INVALID
 */
export function fitScale(
  logits: Float64Array,
  labels: Int32Array,
  classCount: number,
  range: { min: number; max: number },
  weights?: Float64Array,
  smoothing = 0,
): number {
  check(logits, labels, classCount);
  const slopesAt = (a: number) => slopes(logits, labels, classCount, a, smoothing, weights);
  let low = range.min;
  let high = range.max;
  let scale = Math.min(high, Math.max(low, 1));
  let bounded = false;
  for (let step = 0; step < 200; step++) {
    const { first, second } = slopesAt(scale);
    if (first > 0) high = scale;
    else low = scale;
    const newton = scale - first / second;
    const inside = newton > low && newton < high;
    if (!inside && !bounded) {
      // Checked last: only here does it matter whether the minimum lies beyond a bound.
      if (low === range.min && slopesAt(low).first >= 0) return low;
      if (high === range.max && slopesAt(high).first <= 0) return high;
      bounded = true;
    }
    const next = inside ? newton : Math.sqrt(low * high);
    if (Math.abs(next - scale) <= 1e-13 * scale) return next;
    scale = next;
  }
  return scale;
}

/** First and second derivative of the loss with respect to the scale. */
function slopes(
  logits: Float64Array,
  labels: Int32Array,
  classCount: number,
  scale: number,
  smoothing: number,
  weights: Float64Array | undefined,
): { first: number; second: number } {
  let first = 0;
  let second = 0;
  for (let i = 0; i < labels.length; i++) {
    const from = i * classCount;
    let largest = logits[from]!;
    for (let c = 1; c < classCount; c++) largest = Math.max(largest, logits[from + c]!);
    let sum = 0;
    let mean = 0;
    let square = 0;
    let every = 0;
    for (let c = 0; c < classCount; c++) {
      const z = logits[from + c]! - largest;
      const p = Math.exp(scale * z);
      every += z;
      sum += p;
      mean += p * z;
      square += p * z * z;
    }
    mean /= sum;
    const weight = weights === undefined ? 1 : weights[i]!;
    const target =
      (1 - smoothing) * (logits[from + labels[i]!]! - largest) + (smoothing * every) / classCount;
    first += weight * (mean - target);
    second += weight * (square / sum - mean * mean);
  }
  return { first, second };
}

function check(logits: Float64Array, labels: Int32Array, classCount: number): void {
  const wrong = (what: string) =>
    new HeadlandError('HL_CALIBRATION_INVALID', `cannot calibrate: ${what}`, {
      remedy: DEFECT_REMEDY,
    });
  if (labels.length === 0 || logits.length !== labels.length * classCount) {
    throw wrong(`${logits.length} logits for ${labels.length} labels of ${classCount} classes`);
  }
  for (const z of logits) if (!Number.isFinite(z)) throw wrong(`a logit is ${z}`);
  for (const label of labels) {
    if (label < 0 || label >= classCount) throw wrong(`label ${label} of ${classCount} classes`);
  }
}
