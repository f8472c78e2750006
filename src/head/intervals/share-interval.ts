import { type Interval, wilsonInterval } from './wilson.js';

/** Right answers among the answers of one group, such as the frames of one pass. */
export interface GroupAnswers {
  answers: number;
  right: number;
}

/** Correlation that is assumed within a group while too few answers are wrong to measure it. */
const ASSUMED_CORRELATION = 0.3;
/** Number of wrong answers at which the measured spread counts as much as the assumed one. */
const WRONG_ANSWERS_TO_MEASURE = 5;

/**
 * 95 % interval of a score that is a weighted mean over answers, such as accuracy (all weigh the
 * same) or macro-F1 (all classes do). Wilson's interval at the number of independent answers: that
 * of the weights (Kish 1965), divided by the design effect of the groups, because frames of one
 * pass are mostly right or wrong together. The design effect is the measured variance over the
 * binomial one and, the fewer answers are wrong, that of an assumed correlation of 0.3: where no
 * answer is wrong nothing can be measured, and a bootstrap would have width 0.
 *
 * @param score 0..1
 * @param answers weight, above 0, and group of each answer, at least one
 * @param wrong number of wrong answers
 * @param variance of the score over groups; null: not known
 */
export function scoreInterval(
  score: number,
  answers: readonly { weight: number; group: string }[],
  wrong: number,
  variance: number | null,
): Interval {
  const { independent, designEffect } = effectiveAnswers(answers);
  const binomial = (score * (1 - score)) / independent;
  const least = Math.min(wrong, answers.length - wrong);
  const trusted =
    variance === null || binomial === 0 ? 0 : least / (least + WRONG_ANSWERS_TO_MEASURE);
  const measured = trusted === 0 ? 0 : (variance ?? 0) / binomial;
  const effect = Math.max(1, trusted * measured + (1 - trusted) * designEffect);
  return wilsonInterval(score, independent / effect);
}

/** 95 % interval of the share of right answers; see {@link scoreInterval}. @param groups at least one */
export function shareInterval(
  groups: readonly GroupAnswers[],
  share = right(groups) / total(groups),
): Interval {
  const answers = groups.flatMap(({ answers: size }, group) =>
    Array.from({ length: size }, () => ({ weight: 1, group: String(group) })),
  );
  return scoreInterval(share, answers, total(groups) - right(groups), shareVariance(groups));
}

/** Variance of the share of right answers, from the sums of the groups; null with a single group. */
function shareVariance(groups: readonly GroupAnswers[]): number | null {
  if (groups.length < 2) return null;
  const [n, share] = [total(groups), right(groups) / total(groups)];
  const squares = groups.reduce(
    (sum, group) => sum + (group.right - share * group.answers) ** 2,
    0,
  );
  return (squares * groups.length) / (groups.length - 1) / n ** 2;
}

function effectiveAnswers(answers: readonly { weight: number; group: string }[]): {
  /** Number of answers of equal weight that say as much, if all were independent. */
  independent: number;
  /** By how much groups divide that number at the assumed correlation. */
  designEffect: number;
} {
  const whole = answers.reduce((sum, { weight }) => sum + weight, 0);
  const weightOf = new Map<string, number>();
  let squares = 0;
  for (const { weight, group } of answers) {
    weightOf.set(group, (weightOf.get(group) ?? 0) + weight / whole);
    squares += (weight / whole) ** 2;
  }
  let groupSquares = 0;
  for (const weight of weightOf.values()) groupSquares += weight * weight;
  return {
    independent: 1 / squares,
    designEffect: 1 - ASSUMED_CORRELATION + (ASSUMED_CORRELATION * groupSquares) / squares,
  };
}

function total(groups: readonly GroupAnswers[]): number {
  return groups.reduce((sum, { answers }) => sum + answers, 0);
}

function right(groups: readonly GroupAnswers[]): number {
  return groups.reduce((sum, group) => sum + group.right, 0);
}
