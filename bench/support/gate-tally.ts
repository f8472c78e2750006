const WORSE = 0.01;
export const SHADOW_LABELS = 50;
export const POLICIES = ['gate', 'gate_alone', 'naive', 'none'] as const;
export type Policy = (typeof POLICIES)[number];

/** What a check of the gate refused. */
export interface Refusals {
  refused: number;
  /** Of these no other check would have refused. */
  alone: number;
  /** Of these alone ones, that were truly better and truly worse by more than a point. */
  aloneBetter: number;
  aloneWorse: number;
}

/** What became of the heads that one policy was offered when another one served already. */
export interface Tally {
  offered: number;
  promoted: number;
  promotedWorse: number;
  better: number;
  promotedBetter: number;
  clearlyBetter: number;
  promotedClearlyBetter: number;
  /** Promotions that the labels after them took back. */
  takenBack: number;
  takenBackBetter: number;
  takenBackWorse: number;
  /** Sum over rounds of the true macro-F1 of what serves; 0 while nothing does. */
  served: number;
  rounds: number;
  withoutHead: number;
  finalServed: number;
  finals: number;
  refusals: Record<string, Refusals>;
}

export interface Injected {
  /** Labels until the alarm; null when there was none. */
  labels: (number | null)[];
  /** Sum of what these heads lost in true macro-F1. */
  loss: number;
}

/** What some streams gave: plain JSON, so that threads can hand it over. */
export interface Counts {
  tallies: Record<Policy, Tally>;
  /** Every class is taken for another. */
  bad: Injected;
  /** Two classes are confused. */
  halfBad: Injected;
}

export function newCounts(): Counts {
  const tally = (): Tally => ({
    ...{ offered: 0, promoted: 0, promotedWorse: 0, better: 0, promotedBetter: 0 },
    ...{ clearlyBetter: 0, promotedClearlyBetter: 0 },
    ...{ takenBack: 0, takenBackBetter: 0, takenBackWorse: 0 },
    ...{ served: 0, rounds: 0, withoutHead: 0, finalServed: 0, finals: 0, refusals: {} },
  });
  return {
    tallies: { gate: tally(), gate_alone: tally(), naive: tally(), none: tally() },
    ...{ bad: { labels: [], loss: 0 }, halfBad: { labels: [], loss: 0 } },
  };
}

/** @param truly By how much the offered head is truly better, in macro-F1. */
export function count(tally: Tally, truly: number, promote: boolean, failed: string[]): void {
  tally.offered += 1;
  if (truly > 0) tally.better += 1;
  if (truly > 3 * WORSE) tally.clearlyBetter += 1;
  for (const check of failed) {
    tally.refusals[check] ??= { refused: 0, alone: 0, aloneBetter: 0, aloneWorse: 0 };
    const refusals = tally.refusals[check];
    refusals.refused += 1;
    if (failed.length > 1) continue;
    refusals.alone += 1;
    if (truly > 0) refusals.aloneBetter += 1;
    if (truly < -WORSE) refusals.aloneWorse += 1;
  }
  if (!promote) return;
  tally.promoted += 1;
  if (truly < -WORSE) tally.promotedWorse += 1;
  if (truly > 0) tally.promotedBetter += 1;
  if (truly > 3 * WORSE) tally.promotedClearlyBetter += 1;
}

export function countTakenBack(tally: Tally, truly: number): void {
  tally.takenBack += 1;
  if (truly > 0) tally.takenBackBetter += 1;
  if (truly < -WORSE) tally.takenBackWorse += 1;
}

/** The sum of what several threads counted. */
export function merged(parts: readonly Counts[]): Counts {
  const sum = newCounts();
  for (const part of parts) {
    for (const policy of POLICIES) add(sum.tallies[policy], part.tallies[policy]);
    for (const key of ['bad', 'halfBad'] as const) {
      sum[key].labels.push(...part[key].labels);
      sum[key].loss += part[key].loss;
    }
  }
  return sum;
}

function add(into: Tally, { refusals, ...numbers }: Tally): void {
  for (const key of Object.keys(numbers) as (keyof typeof numbers)[]) into[key] += numbers[key];
  for (const [check, counts] of Object.entries(refusals)) {
    into.refusals[check] ??= { refused: 0, alone: 0, aloneBetter: 0, aloneWorse: 0 };
    const known = into.refusals[check];
    for (const key of Object.keys(counts) as (keyof Refusals)[]) known[key] += counts[key];
  }
}

export function summary({ tallies, bad, halfBad }: Counts): Record<string, unknown> {
  const figures: Record<string, unknown> = {};
  for (const policy of POLICIES) {
    const t = tallies[policy];
    figures[`${policy}_offered`] = t.offered;
    figures[`${policy}_promotions`] = t.promoted;
    figures[`${policy}_promotions_worse_share`] = round(t.promotedWorse / t.promoted);
    if (policy === 'gate') {
      const kept = t.promotedWorse - t.takenBackWorse;
      figures.gate_promotions_kept_worse_share = round(kept / (t.promoted - t.takenBack));
      figures.gate_taken_back = t.takenBack;
      figures.gate_worse_taken_back_share = round(t.takenBackWorse / t.promotedWorse);
      figures.gate_better_taken_back_share = round(t.takenBackBetter / t.promotedBetter);
    }
    figures[`${policy}_better_promoted_share`] = round(t.promotedBetter / t.better);
    figures[`${policy}_better_by_3_points_promoted_share`] = round(
      t.promotedClearlyBetter / t.clearlyBetter,
    );
    figures[`${policy}_trainings_without_head_share`] = round(t.withoutHead / t.rounds);
    figures[`${policy}_serving_macro_f1`] = round(t.served / t.rounds);
    figures[`${policy}_final_macro_f1`] = round(t.finalServed / t.finals);
  }
  for (const [name, { labels, loss }] of [
    ['bad', bad],
    ['half_bad', halfBad],
  ] as const) {
    const sorted = labels.map((n) => n ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] as number;
    figures[`${name}_heads`] = labels.length;
    figures[`${name}_heads_mean_loss`] = round(loss / labels.length);
    figures[`${name}_rollback_labels_median`] = at(0.5);
    figures[`${name}_rollback_labels_p95`] = at(0.95);
    figures[`${name}_rolled_back_within_50_share`] = round(
      sorted.filter((n) => n <= SHADOW_LABELS).length / labels.length,
    );
  }
  return { ...figures, gate_refusals: tallies.gate.refusals };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
