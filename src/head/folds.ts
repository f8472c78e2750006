import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';
import { createRandom } from '../base/random.js';
import { type Grouping, leadsCluster, type TrainingSet } from './training-set.js';

export interface FoldOptions {
  /** At least 2; no more than there are groups are made. */
  folds: number;
  /** Shuffles groups that are equally hard to place; without a seed their index decides. */
  seed?: number | undefined;
}

/**
 * Stratified group k-fold: a fold per row, 0..folds-1. Each group is in one fold, and the classes
 * are spread as evenly as the groups allow. The greedy algorithm of scikit-learn's
 * StratifiedGroupKFold: groups with the most uneven classes come first, and each goes into the fold
 * where the class shares of the folds spread least.
 * @param labels class index per row. @param groups group index per row, any whole numbers.
 * @throws HL_FOLDS_INVALID with fewer than two groups or folds, or arrays of different lengths.
 */
export function stratifiedGroupFolds(
  labels: Int32Array,
  groups: Int32Array,
  classCount: number,
  options: FoldOptions,
): Int32Array {
  const names = [...new Set(groups)].sort((a, b) => a - b);
  const folds = Math.min(options.folds, names.length);
  if (!(folds >= 2) || labels.length !== groups.length) {
    throw new HeadlandError(
      'HL_FOLDS_INVALID',
      `cannot split ${labels.length} rows of ${names.length} groups into ${options.folds} folds`,
      { remedy: DEFECT_REMEDY },
    );
  }
  const index = new Map(names.map((name, i) => [name, i]));
  const rowGroups = Int32Array.from(groups, (group) => index.get(group)!);
  const totals = new Float64Array(classCount);
  const counts = names.map(() => new Float64Array(classCount));
  for (let i = 0; i < labels.length; i++) {
    totals[labels[i]!]!++;
    counts[rowGroups[i]!]![labels[i]!]!++;
  }
  const present = [...totals.keys()].filter((c) => totals[c]! > 0);
  const foldOf = placeGroups(counts, present, totals, folds, options.seed);
  return rowGroups.map((group) => foldOf[group]!);
}

/**
 * {@link stratifiedGroupFolds} of the rows of a grouping, in their order. Near-duplicates follow the
 * first of their cluster and count as one: the folds are those of the set without them.
 * @throws HL_FOLDS_INVALID
 */
export function foldsOf(set: TrainingSet, grouping: Grouping, options: FoldOptions): Int32Array {
  const leads = leadsCluster(set);
  const leaders = [...grouping.rows.keys()].filter((i) => leads[grouping.rows[i]!] === 1);
  const groups = Int32Array.from(leaders, (i) => grouping.groups[i]!);
  const labels = Int32Array.from(leaders, (i) => set.labels[grouping.rows[i]!]!);
  const folds = stratifiedGroupFolds(labels, groups, set.classCount, options);
  const foldOf = new Map([...groups].map((group, i) => [group, folds[i]!]));
  return grouping.groups.map((group) => foldOf.get(group)!);
}

function placeGroups(
  counts: readonly Float64Array[],
  present: readonly number[],
  totals: Float64Array,
  folds: number,
  seed: number | undefined,
): Int32Array {
  const order = [...counts.keys()];
  if (seed !== undefined) {
    const random = createRandom(seed);
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
  }
  const unevenness = counts.map((count) => deviation(present.map((c) => count[c]!)));
  order.sort((a, b) => unevenness[b]! - unevenness[a]!);
  const held = Array.from({ length: folds }, () => new Float64Array(totals.length));
  const foldOf = new Int32Array(counts.length);
  for (const group of order) {
    let best = 0;
    let leastSpread = Number.POSITIVE_INFINITY;
    let leastRows = Number.POSITIVE_INFINITY;
    for (let fold = 0; fold < folds; fold++) {
      let spread = 0;
      for (const c of present) {
        const shares = held.map(
          (h, f) => (h[c]! + (f === fold ? counts[group]![c]! : 0)) / totals[c]!,
        );
        spread += deviation(shares);
      }
      spread /= present.length;
      const rows = held[fold]!.reduce((sum, n) => sum + n, 0);
      const equal = Math.abs(spread - leastSpread) <= 1e-8 + 1e-5 * Math.abs(leastSpread);
      if (spread < leastSpread || (equal && rows < leastRows)) {
        best = fold;
        leastSpread = spread;
        leastRows = rows;
      }
    }
    foldOf[group] = best;
    for (const c of present) held[best]![c]! += counts[group]![c]!;
  }
  return foldOf;
}

/** Standard deviation of the whole population, with divisor n. */
function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
}
