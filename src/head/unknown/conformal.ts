import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';

/**
 * The share of exchangeable samples that would score at least this high: (1 + #{s_i >= s}) / (n +
 * 1) (Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World). When the score and
 * the calibration scores are exchangeable, P(p <= a) <= a for every a.
 * @param ascending calibration scores, sorted ascending; larger = stranger. Empty: always 1.
 * @returns in [1 / (n + 1), 1].
 */
export function conformalPValue(ascending: ArrayLike<number>, score: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < score) low = middle + 1;
    else high = middle;
  }
  return (1 + ascending.length - low) / (ascending.length + 1);
}

/**
 * Like {@link conformalPValue}, but not bounded below by 1 / (n + 1): beyond every calibration
 * score, the tail of Student's predictive distribution continues it. A dozen scores are then enough
 * to detect what is far away. Whatever the distribution, at most 1 / (n + 1) of exchangeable
 * samples lie there.
 * @param ascending calibration scores, sorted ascending; larger = stranger.
 * @returns in (0, 1]; 1 beyond the largest of fewer than two scores.
 */
export function extrapolatedPValue(ascending: ArrayLike<number>, score: number): number {
  const n = ascending.length;
  const p = conformalPValue(ascending, score);
  if (n === 0 || score <= ascending[n - 1]!) return p;
  if (n < 2) return 1;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += ascending[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (ascending[i]! - mean) ** 2;
  const deviation = Math.sqrt((squares / (n - 1)) * (1 + 1 / n));
  if (!(deviation > 0)) return p;
  return Math.min(p, studentTail((score - mean) / deviation, n - 1));
}

/** P[T > t] of Student's t with `freedom` degrees of freedom, t >= 0. */
export function studentTail(t: number, freedom: number): number {
  return regularisedBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

/** I_x(a, b) by Lentz's continued fraction (Press et al. 2007, Numerical Recipes, 6.4). */
function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularisedBeta(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  const floor = 1e-300;
  const nonZero = (value: number): number => (Math.abs(value) < floor ? floor : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return (front * fraction) / a;
}

/** ln Γ(x), x > 0: Lanczos 1964 with g = 7. */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
    1.5056327351493116e-7,
  ];
  let sum = coefficients[0]!;
  for (let i = 1; i < coefficients.length; i++) sum += coefficients[i]! / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * The least probability from which on at most `maxErrorShare` of the answers are wrong: the lowest
 * t with (1 + #{wrong, p >= t}) / (1 + #{p >= t}) <= `maxErrorShare` on left-out answers (conformal
 * risk control, Angelopoulos et al. 2024, with the error share of the answered as the risk).
 * @param leftOut left-out answers as `Head.leftOutConfidences`, in any order.
 * @param maxErrorShare 0..1.
 * @returns 0..1; above 1 when no threshold is enough.
 */
export function answerProbability(leftOut: ArrayLike<number>, maxErrorShare: number): number {
  const answers = Array.from(leftOut, (value) => ({ p: Math.abs(value), wrong: value < 0 })).sort(
    (a, b) => b.p - a.p,
  );
  let threshold = 2;
  let wrong = 0;
  answers.forEach((answer, i) => {
    wrong += Number(answer.wrong);
    // Answers of equal probability are above or below a threshold together.
    if (answers[i + 1]?.p === answer.p) return;
    if (1 + wrong <= maxErrorShare * (2 + i)) threshold = answer.p;
  });
  return threshold;
}

/**
 * The least probability of a label in the prediction set, so that the set holds the true label of
 * an exchangeable sample with probability `coverage` or more (split conformal prediction with the
 * score 1 - p; Sadinle, Lei & Wasserman 2019).
 * @param probabilities n x classCount, row-major, by heads that did not learn from the row's group.
 * @param labels the true class of each row.
 * @param coverage 0..1.
 * @returns 0..1; 0 when there are too few rows for a guarantee: every label is in the set.
 * @throws HL_CALIBRATION_INVALID on wrong lengths.
 */
export function fitSetProbability(
  probabilities: Float64Array,
  labels: ArrayLike<number>,
  classCount: number,
  coverage: number,
): number {
  if (probabilities.length !== labels.length * classCount || !(coverage > 0 && coverage < 1)) {
    throw new HeadlandError(
      'HL_CALIBRATION_INVALID',
      `cannot calibrate: ${probabilities.length} probabilities for ${labels.length} labels of ${classCount} classes, ` +
        `coverage ${coverage}`,
      { remedy: DEFECT_REMEDY },
    );
  }
  const ofTruth = Float64Array.from(labels, (label, i) => probabilities[i * classCount + label]!);
  ofTruth.sort().reverse();
  const rank = Math.ceil((labels.length + 1) * coverage);
  return rank > labels.length ? 0 : ofTruth[rank - 1]!;
}

/**
 * Indices of the labels in the prediction set of one frame, most probable first. Empty when no
 * label is as probable as true labels usually are.
 */
export function predictionSet(probabilities: ArrayLike<number>, setProbability: number): number[] {
  return Array.from(probabilities, (p, i) => ({ p, i }))
    .filter(({ p }) => p >= setProbability)
    .sort((a, b) => b.p - a.p)
    .map(({ i }) => i);
}
