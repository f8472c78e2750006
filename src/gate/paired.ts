import type { HeadAnswer } from './scorecard.js';

/** A sample that both heads answered and neither has learnt. */
export interface PairedSample {
  group: string;
  label: string;
  challenger: HeadAnswer;
  champion: HeadAnswer;
}

/** A difference between two heads: challenger minus champion. */
export interface PairedDifference {
  /** Mean over classes of the mean over their samples; 0 without samples. */
  difference: number;
  /** Over groups, because frames of one pass are not independent; infinite with fewer than two. */
  standardError: number;
  /** Number of independent groups. */
  groups: number;
}

/**
 * Score of an answer, 0..1: 1 - (1 - p)², where p is the probability of the true label (Brier 1950;
 * proper for two classes). It uses how sure a head is of the truth and not only which label leads,
 * so that few samples say more. It is bounded, so that one wrong label cannot outweigh the others.
 *
 * @param probability of the true label, 0..1
 */
export function quadraticScore(probability: number): number {
  return 1 - (1 - probability) ** 2;
}

/**
 * By how much the challenger scores better, with equal weight for every class as in macro-F1. The
 * standard error comes from the sums of the groups (linearised, with G / (G - 1)).
 */
export function scoreDifference(samples: readonly PairedSample[]): PairedDifference {
  const supports = new Map<string, number>();
  for (const { label } of samples) supports.set(label, (supports.get(label) ?? 0) + 1);
  const weight = (label: string): number => 1 / (supports.get(label)! * supports.size);
  const gains = samples.map(
    ({ challenger, champion }) =>
      quadraticScore(challenger.probability) - quadraticScore(champion.probability),
  );
  const difference = samples.reduce((sum, { label }, i) => sum + weight(label) * gains[i]!, 0);
  const byGroup = new Map<string, number>();
  samples.forEach(({ group, label }, i) => {
    const part = weight(label) * (gains[i]! - difference);
    byGroup.set(group, (byGroup.get(group) ?? 0) + part);
  });
  const groups = byGroup.size;
  const squares = [...byGroup.values()].reduce((sum, part) => sum + part * part, 0);
  return {
    difference,
    standardError:
      groups < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * groups) / (groups - 1)),
    groups,
  };
}
