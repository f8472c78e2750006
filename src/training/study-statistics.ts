/** Over folds. */
export interface Estimate {
  mean: number;
  /** Standard deviation over folds / √folds; null with a single fold. */
  standardError: number | null;
}

/** What one variant has more than another, by fold. */
export interface PairedDifference {
  mean: number;
  /** Corrected for training parts that overlap; null with a single fold. */
  standardError: number | null;
  /** Two-sided; 1 with a single fold. */
  p: number;
  folds: number;
}

/** @param values one a fold, at least one */
export function estimate(values: readonly number[]): Estimate {
  const { mean, deviation } = spread(values);
  return {
    mean,
    standardError: values.length < 2 ? null : deviation / Math.sqrt(values.length),
  };
}

/**
 * The corrected resampled t-test (Nadeau & Bengio 2003, Inference for the generalization error;
 * for cross-validation Bouckaert & Frank 2004): folds share most of their training photos, so the
 * variance of the mean is taken as (1/k + held out/training) · s² instead of s²/k, and Student's t
 * has k - 1 degrees of freedom.
 *
 * @param differences one a fold that both were measured on, at least one
 * @param heldOutPerTraining photos held out / photos learnt from, mean over folds
 * @param step least difference that a fold can show (one photo of it); the standard deviation is
 *   taken to be at least that: folds that agree by chance are no proof
 */
export function pairedDifference(
  differences: readonly number[],
  heldOutPerTraining: number,
  step: number,
): PairedDifference {
  const folds = differences.length;
  const { mean, deviation } = spread(differences);
  if (folds < 2) return { mean, standardError: null, p: 1, folds };
  const standardError = Math.sqrt(1 / folds + heldOutPerTraining) * Math.max(deviation, step);
  return { mean, standardError, p: studentTails(mean / standardError, folds - 1), folds };
}

/**
 * P[|T| >= |t|] of Student's t with a whole number of degrees of freedom: the finite series
 * 26.7.3 and 26.7.4 of Abramowitz & Stegun.
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

/** Standard deviation of a sample. */
function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
