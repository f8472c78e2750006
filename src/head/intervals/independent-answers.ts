/**
 * Correlation between answers of one group: neighbouring frames are mostly right or wrong together.
 */
const GROUP_CORRELATION = 0.5;

/**
 * Number of independent answers that say as much as weighted ones, where answers of one group are
 * correlated by 0.5 (Kish 1965, Survey Sampling: the design effect).
 * @param answers at least one; the weights sum to 1
 */
export function independentAnswers(answers: Iterable<{ weight: number; group: string }>): number {
  const weightOf = new Map<string, number>();
  let squares = 0;
  for (const { weight, group } of answers) {
    weightOf.set(group, (weightOf.get(group) ?? 0) + weight);
    squares += weight * weight;
  }
  let groupSquares = 0;
  for (const weight of weightOf.values()) groupSquares += weight * weight;
  return 1 / (GROUP_CORRELATION * groupSquares + (1 - GROUP_CORRELATION) * squares);
}
