import { shareInterval } from '../../head/intervals/share-interval.js';
import type { Interval } from '../../head/intervals/wilson.js';

/** Mean over folds. */
export interface Estimate {
  mean: number;
  /** Standard deviation over folds / √folds; null with a single fold. */
  standardError: number | null;
  /** 95 %, from the held-out photos by group; absent: the value is no share of them. */
  interval?: Interval;
}

/** Difference between two variants. */
export interface PairedDifference {
  mean: number;
  /** From chance in the photos and in the training; null with a single fold. */
  standardError: number | null;
  /** Two-sided; 1 with a single fold. */
  p: number;
  folds: number;
}

export interface PairedFigures {
  /** One value per fold that both were measured on, at least one. */
  byFold: readonly number[];
  /** One entry per held-out group: its photos, and how many more of them one variant has right. */
  byGroup: readonly { photos: number; excess: number }[];
  /** Held-out photos / training photos, mean over folds. */
  heldOutPerTraining: number;
  /**
   * Least difference that a fold can show (one photo of it). The standard deviation over folds is
   * at least this, because folds that agree by chance prove nothing.
   */
  step: number;
}

/**
 * @param values one per fold, at least one
 * @param step least difference that a fold can show: folds that agree by chance prove nothing
 */
export function estimate(values: readonly number[], step = 0): Estimate {
  const { mean, deviation } = spread(values);
  return {
    mean,
    standardError: values.length < 2 ? null : Math.max(deviation, step) / Math.sqrt(values.length),
  };
}

/** As {@link estimate}, of the share of right photos. @param groups held-out groups of all folds */
export function estimateShare(
  values: readonly number[],
  step: number,
  groups: readonly { photos: number; right: number }[],
): Estimate {
  const found = estimate(values, step);
  const answers = groups.map(({ photos, right }) => ({ answers: photos, right }));
  return { ...found, interval: shareInterval(answers, found.mean) };
}

/**
 * The mean difference over folds with two sources of chance, whose variances add up:
 *
 * - which photos were held out: from the differences by group, because photos of one group fail
 *   together (cluster-robust, G - 1 degrees of freedom);
 * - what a training makes of its photos: from the differences by fold, (1/k + held out/training)
 *   s², because folds share most of their training photos (the corrected resampled t-test, Nadeau &
 *   Bengio 2003, Inference for the generalization error; k - 1 degrees of freedom).
 *
 * Folds also hold different photos, so the first source is counted twice in part: the test is
 * conservative. Degrees of freedom of the sum by Satterthwaite (1946), rounded down.
 */
export function pairedDifference(figures: PairedFigures): PairedDifference {
  const { byFold, byGroup, heldOutPerTraining, step } = figures;
  const folds = byFold.length;
  const { mean, deviation } = spread(byFold);
  if (folds < 2) return { mean, standardError: null, p: 1, folds };
  const ofTraining = (1 / folds + heldOutPerTraining) * Math.max(deviation, step) ** 2;
  const ofPhotos = clusterVariance(byGroup);
  const variance = ofTraining + ofPhotos;
  const freedom =
    variance ** 2 / (ofTraining ** 2 / (folds - 1) + ofPhotos ** 2 / (byGroup.length - 1));
  const standardError = Math.sqrt(variance);
  const p = studentTails(mean / standardError, Math.max(1, Math.floor(freedom)));
  return { mean, standardError, p, folds };
}

/** Variance of the mean excess per photo. */
function clusterVariance(groups: PairedFigures['byGroup']): number {
  const photos = groups.reduce((sum, group) => sum + group.photos, 0);
  const mean = groups.reduce((sum, group) => sum + group.excess, 0) / photos;
  const squares = groups.reduce((sum, group) => sum + (group.excess - group.photos * mean) ** 2, 0);
  return (squares * groups.length) / (groups.length - 1) / photos ** 2;
}

/**
 * P[|T| >= |t|] of Student's t with integer degrees of freedom: the finite series 26.7.3 and 26.7.4
 * of Abramowitz & Stegun.
 */
export function studentTails(t: number, degreesOfFreedom: number): number {
  const theta = Math.atan(Math.abs(t) / Math.sqrt(degreesOfFreedom));
  const cos = Math.cos(theta);
  const odd = degreesOfFreedom % 2 === 1;
  let term = odd ? cos : 1;
  let sum = degreesOfFreedom === 1 ? 0 : term;
  for (let i = odd ? 3 : 2; i <= degreesOfFreedom - 2; i += 2) {
    term *= (cos * cos * (i - 1)) / i;
    sum += term;
  }
  const inside = odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
  return Math.min(1, Math.max(0, 1 - inside));
}

/** Mean and standard deviation of a sample. */
function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
