const WORSE = 0.01;
export const SHADOW_LABELS = 50;
export const POLICIES = ['gate', 'naive', 'none'] as const;
export type Policy = (typeof POLICIES)[number];

/** What became of the heads that one policy was offered when another one served already. */
export interface Tally {
  offered: number;
  promoted: number;
  promotedWorse: number;
  better: number;
  promotedBetter: number;
  clearlyBetter: number;
  promotedClearlyBetter: number;
  /** Sum over rounds of the true macro-F1 of what serves. */
  served: number;
  rounds: number;
  finalServed: number;
  finals: number;
}

export interface Injected {
  /** Labels until the alarm; infinite when there was none. */
  labels: number[];
  /** Sum of what these heads lost in true macro-F1. */
  loss: number;
}

export interface Rollback {
  /** Every class is taken for another. */
  bad: Injected;
  /** Two classes are confused. */
  halfBad: Injected;
  watched: number;
  wrongly: number;
}

export function newTally(): Tally {
  return {
    ...{ offered: 0, promoted: 0, promotedWorse: 0, better: 0, promotedBetter: 0 },
    ...{ clearlyBetter: 0, promotedClearlyBetter: 0 },
    ...{ served: 0, rounds: 0, finalServed: 0, finals: 0 },
  };
}

export function count(tally: Tally, truly: number, promote: boolean): void {
  tally.offered += 1;
  if (truly > 0) tally.better += 1;
  if (truly > 3 * WORSE) tally.clearlyBetter += 1;
  if (!promote) return;
  tally.promoted += 1;
  if (truly < -WORSE) tally.promotedWorse += 1;
  if (truly > 0) tally.promotedBetter += 1;
  if (truly > 3 * WORSE) tally.promotedClearlyBetter += 1;
}

export function summary(
  streams: number,
  tallies: Record<Policy, Tally>,
  { bad, halfBad, watched, wrongly }: Rollback,
  seconds: number,
): Record<string, unknown> {
  const figures: Record<string, unknown> = { streams };
  for (const policy of POLICIES) {
    const t = tallies[policy];
    figures[`${policy}_offered`] = t.offered;
    figures[`${policy}_promotions`] = t.promoted;
    figures[`${policy}_promotions_worse_share`] = round(t.promotedWorse / t.promoted);
    figures[`${policy}_better_promoted_share`] = round(t.promotedBetter / t.better);
    figures[`${policy}_better_by_3_points_promoted_share`] = round(
      t.promotedClearlyBetter / t.clearlyBetter,
    );
    figures[`${policy}_serving_macro_f1`] = round(t.served / t.rounds);
    figures[`${policy}_final_macro_f1`] = round(t.finalServed / t.finals);
  }
  for (const [name, { labels, loss }] of [
    ['bad', bad],
    ['half_bad', halfBad],
  ] as const) {
    const sorted = [...labels].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] as number;
    figures[`${name}_heads`] = labels.length;
    figures[`${name}_heads_mean_loss`] = round(loss / labels.length);
    figures[`${name}_rollback_labels_median`] = at(0.5);
    figures[`${name}_rollback_labels_p95`] = at(0.95);
    figures[`${name}_rolled_back_within_50_share`] = round(
      labels.filter((n) => n <= SHADOW_LABELS).length / labels.length,
    );
  }
  return {
    ...figures,
    good_promotions_rolled_back_share: round(wrongly / watched),
    seconds: Math.round(seconds),
  };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
