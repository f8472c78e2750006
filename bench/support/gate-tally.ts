const WORSE = 0.01;
/** A head that serves for more labels than this, and is worse by more than this, was kept too long. */
const KEPT_LABELS = 30;
const MUCH_WORSE = 0.05;
export const SHADOW_LABELS = 50;
export const POLICIES = ['gate', 'gate_alone', 'naive', 'none'] as const;
export type Policy = (typeof POLICIES)[number];
/** Of all labels, in the mean. */
export const WRONG_LABELS = [0, 0.05, 0.2] as const;

/** What became of the heads that one policy was offered when another one served already. */
export interface Tally {
  offered: number;
  promoted: number;
  promotedWorse: number;
  refusedBetter: number;
  /** Promotions that the labels after them took back. */
  takenBack: number;
  takenBackBetter: number;
  /** Refused heads that the labels after them let serve. */
  letIn: number;
  letInBetter: number;
  /** Sum over labels of the true macro-F1 of what served when they came; 0 while nothing did. */
  served: number;
  labels: number;
  withoutHead: number;
  finalServed: number;
  streams: number;
  /** Streams in which one head, or whatever served, was kept too long. */
  keptTooLong: number;
  behindTooLong: number;
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
    offered: 0,
    promoted: 0,
    promotedWorse: 0,
    refusedBetter: 0,
    takenBack: 0,
    takenBackBetter: 0,
    letIn: 0,
    letInBetter: 0,
    served: 0,
    labels: 0,
    withoutHead: 0,
    finalServed: 0,
    streams: 0,
    keptTooLong: 0,
    behindTooLong: 0,
  });
  return {
    tallies: { gate: tally(), gate_alone: tally(), naive: tally(), none: tally() },
    bad: { labels: [], loss: 0 },
    halfBad: { labels: [], loss: 0 },
  };
}

/** @param truly By how much the offered head is truly better, in macro-F1. */
export function count(tally: Tally, truly: number, promote: boolean): void {
  tally.offered += 1;
  if (promote) tally.promoted += 1;
  if (promote && truly < -WORSE) tally.promotedWorse += 1;
  if (!promote && truly > 0) tally.refusedBetter += 1;
}

/** For how many labels in a row one policy's head was much worse than the best one at hand. */
export class Lag {
  #head: object | null = null;
  #ofHead = 0;
  #ofAny = 0;
  kept = false;
  behind = false;

  /** One label more. @param deficit of the serving head to the best one that was ever offered */
  label(head: object | null, deficit: number): void {
    const worse = head !== null && deficit > MUCH_WORSE;
    this.#ofHead = worse ? (head === this.#head ? this.#ofHead + 1 : 1) : 0;
    this.#ofAny = worse ? this.#ofAny + 1 : 0;
    this.#head = head;
    if (this.#ofHead > KEPT_LABELS) this.kept = true;
    if (this.#ofAny > KEPT_LABELS) this.behind = true;
  }
}

/** The sum of what several threads counted. */
export function merged(parts: readonly Counts[]): Counts {
  const sum = newCounts();
  for (const part of parts) {
    for (const policy of POLICIES) {
      const into = sum.tallies[policy];
      const from = part.tallies[policy];
      for (const key of Object.keys(from) as (keyof Tally)[]) into[key] += from[key];
    }
    for (const key of ['bad', 'halfBad'] as const) {
      sum[key].labels.push(...part[key].labels);
      sum[key].loss += part[key].loss;
    }
  }
  return sum;
}

export function summary({ tallies, bad, halfBad }: Counts): Record<string, number> {
  const figures: Record<string, number> = {};
  const best = tallies.none.served / tallies.none.labels;
  for (const policy of POLICIES) {
    const t = tallies[policy];
    figures[`${policy}_offered`] = t.offered;
    figures[`${policy}_promotions`] = t.promoted;
    figures[`${policy}_promotions_worse_share`] = round(t.promotedWorse / t.promoted);
    figures[`${policy}_refused_better_share`] = round(
      t.refusedBetter / Math.max(1, t.offered - t.promoted),
    );
    figures[`${policy}_serving_macro_f1`] = round(t.served / t.labels);
    figures[`${policy}_regret`] = round(best - t.served / t.labels);
    figures[`${policy}_final_macro_f1`] = round(t.finalServed / t.streams);
    figures[`${policy}_labels_without_head_share`] = round(t.withoutHead / t.labels);
    figures[`${policy}_kept_too_long_share`] = round(t.keptTooLong / t.streams);
    figures[`${policy}_behind_too_long_share`] = round(t.behindTooLong / t.streams);
  }
  const { takenBack, takenBackBetter, letIn, letInBetter } = tallies.gate;
  Object.assign(figures, {
    taken_back: takenBack,
    taken_back_better: takenBackBetter,
    let_in: letIn,
    let_in_better: letInBetter,
  });
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
  return figures;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
