import { DEFECT_REMEDY, HeadlandError } from '../base/errors.js';
import type { FeatureTransform } from './head.js';

/** The input of a learner. Rows are samples and their augmented views, in any order. */
export interface TrainingSet {
  /** rows x featureSize, row-major, untransformed, finite. */
  features: Float32Array;
  rows: number;
  featureSize: number;
  /** Class index per row, 0..classCount-1. */
  labels: Int32Array;
  /** Group index per row; a view carries the group of its parent. */
  groups: Int32Array;
  /** 1 = augmented view: it is used for training, but never judged. */
  isView: Uint8Array;
  /**
   * Sample index per row; a view carries that of its parent. With it, views follow their parents
   * when rows are left out one by one, and the search may leave views out.
   */
  samples?: Int32Array;
  /**
   * Cluster index per row: near-duplicates of one sample share it, and a view carries that of its
   * parent. The first original of a cluster stands for it. Together its samples weigh as one, and only
   * the first is judged. Without it, every sample is a cluster of its own.
   */
  clusters?: Int32Array;
  /** At least 2; every class needs at least one row that is not a view. */
  classCount: number;
  /**
   * 1 = heads know the class also without these rows, from a fleet: it can be judged although all its
   * samples are of one group, and it needs no row.
   */
  knownElsewhere?: Uint8Array;
}

/** One choice that was tried for a {@link LinearFit}. */
export interface Candidate {
  lambda: number;
  transform: FeatureTransform;
  /** Mean over classes of the mean -ln p of the class, on left-out rows; nats. */
  logLoss: number;
  /** On left-out rows, 0..1. */
  macroF1: number;
}

/**
 * A fitted linear classifier with its left-out results: logits = weights · transform(features) +
 * bias.
 */
export interface LinearFit {
  /** classCount x featureSize, row-major. */
  weights: Float32Array;
  bias: Float32Array;
  lambda: number;
  transform: FeatureTransform;
  /** n0 x classCount: the logits of a fit without the row's group, for rows with isView = 0. */
  leaveGroupOutLogits: Float64Array;
  candidates: Candidate[];
  /**
   * What was left out together: `group`, or `row` with fewer than two groups. With `row`,
   * neighbouring frames inform each other and the logits are optimistic.
   */
  grouping: 'group' | 'row';
  /**
   * Classes whose samples are all in one group. No left-out fit can know them, so their rows do not
   * influence the choice of λ and scale as long as another class has two groups.
   */
  singleGroupClasses: number[];
  iterations?: number;
}

/** Refuses sets that no learner can learn from. @throws HL_TRAINING_SET_INVALID */
export function checkTrainingSet(set: TrainingSet): void {
  const { rows, featureSize, classCount, features, labels, groups, isView } = set;
  if (!(Number.isInteger(classCount) && classCount >= 2)) {
    throw invalid(`it has ${classCount} classes`);
  }
  if (
    !(rows > 0 && featureSize > 0) ||
    features.length !== rows * featureSize ||
    labels.length !== rows ||
    groups.length !== rows ||
    isView.length !== rows ||
    (set.samples !== undefined && set.samples.length !== rows) ||
    (set.clusters !== undefined && set.clusters.length !== rows)
  ) {
    throw invalid(
      `${rows} rows x ${featureSize} features do not fit arrays of ${features.length} features, ` +
        `${labels.length} labels, ${groups.length} groups, ${isView.length} view marks`,
    );
  }
  for (let i = 0; i < features.length; i++) {
    if (!Number.isFinite(features[i]!)) {
      throw invalid(
        `feature ${i % featureSize} of row ${Math.floor(i / featureSize)} is ${features[i]}`,
      );
    }
  }
  const originals = new Int32Array(classCount);
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= classCount) {
      throw invalid(`label ${label} of row ${i} is not below ${classCount}`);
    }
    if (isView[i] === 0) originals[label]!++;
  }
  const empty = originals.indexOf(0);
  if (empty >= 0) {
    throw invalid(`class ${empty} has no sample`);
  }
}

function invalid(what: string): HeadlandError {
  return new HeadlandError(
    'HL_TRAINING_SET_INVALID',
    `cannot learn from the training set: ${what}`,
    {
      remedy: DEFECT_REMEDY,
    },
  );
}

/** Ends a long fit. @throws HL_TRAINING_CANCELLED when the signal is aborted. */
export function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new HeadlandError('HL_TRAINING_CANCELLED', 'training was cancelled', {
      remedy: 'Train again: it goes on with the features that are kept.',
    });
  }
}

/**
 * Weight of each row relative to a sample without near-duplicates: 1 / (originals of its cluster),
 * in (0, 1]. All 1 without near-duplicates.
 */
export function sharesOf({ rows, isView, clusters }: TrainingSet): Float64Array {
  if (!clusters) return new Float64Array(rows).fill(1);
  const sizes = new Map<number, number>();
  clusters.forEach((cluster, row) => {
    if (isView[row] === 0) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  });
  return Float64Array.from(clusters, (cluster) => 1 / (sizes.get(cluster) ?? 1));
}

/**
 * By row, 1 for the original that stands for its cluster and for its views, 0 for the other
 * near-duplicates. Views of other near-duplicates count as theirs only where `samples` is known.
 */
export function leadsCluster({ rows, isView, clusters, samples }: TrainingSet): Uint8Array {
  const leads = new Uint8Array(rows).fill(1);
  if (!clusters) return leads;
  const first = new Map<number, number>();
  clusters.forEach((cluster, row) => {
    if (isView[row] === 0 && !first.has(cluster)) first.set(cluster, row);
  });
  clusters.forEach((cluster, row) => {
    const leader = first.get(cluster);
    if (leader === undefined) return;
    const follows = isView[row] === 0 ? leader !== row : samples?.[row] !== samples?.[leader];
    if (follows) leads[row] = 0;
  });
  return leads;
}

/**
 * w_i = N s_i / (C Σs of the class of i): all classes weigh the same, and the mean weight is 1.
 * @param shares s, one per row: see {@link sharesOf}
 */
export function classBalancedWeights(
  labels: Int32Array,
  classCount: number,
  shares: Float64Array,
): Float64Array {
  const masses = new Float64Array(classCount);
  labels.forEach((label, i) => {
    masses[label] = masses[label]! + shares[i]!;
  });
  let present = 0;
  for (const mass of masses) if (mass > 0) present++;
  return Float64Array.from(
    labels,
    (label, i) => (labels.length * shares[i]!) / (present * masses[label]!),
  );
}

/** Which rows are left out together, after the fallback for sets with fewer than two groups. */
export interface Grouping {
  kind: 'group' | 'row';
  /** Rows used for training. */
  rows: Int32Array;
  /** Index of the unit that each of `rows` is left out with, 0..groupCount-1. */
  groups: Int32Array;
  groupCount: number;
}

/**
 * Dense group indices of a training set. With fewer than two groups, each sample with its
 * near-duplicates and their views forms a unit. Without `samples`, views are then not used: a view of
 * a left-out sample would reveal the answer.
 */
export function groupingOf(set: TrainingSet): Grouping {
  const dense = new Map<number, number>();
  for (const group of set.groups) if (!dense.has(group)) dense.set(group, dense.size);
  if (dense.size >= 2) {
    return {
      kind: 'group',
      rows: Int32Array.from({ length: set.rows }, (_, i) => i),
      groups: Int32Array.from(set.groups, (group) => dense.get(group)!),
      groupCount: dense.size,
    };
  }
  const units = set.clusters ?? set.samples;
  if (units) {
    const known = new Map<number, number>();
    for (const unit of units) if (!known.has(unit)) known.set(unit, known.size);
    return {
      kind: 'row',
      rows: Int32Array.from({ length: set.rows }, (_, i) => i),
      groups: units.map((unit) => known.get(unit)!),
      groupCount: known.size,
    };
  }
  const rows: number[] = [];
  for (let i = 0; i < set.rows; i++) if (set.isView[i] === 0) rows.push(i);
  return {
    kind: 'row',
    rows: Int32Array.from(rows),
    groups: Int32Array.from(rows, (_, i) => i),
    groupCount: rows.length,
  };
}

/**
 * The rows, other than views, that can be judged when groups are left out; see singleGroupClasses.
 * Of near-duplicates only the first is judged: the others are right or wrong with it.
 */
export interface JudgedRows {
  labels: Int32Array;
  /** Indices into the rows with isView = 0. */
  judged: Int32Array;
  singleGroupClasses: number[];
}

export function judgedRows(set: TrainingSet, grouping: Grouping): JudgedRows {
  const first = new Int32Array(set.classCount).fill(-1);
  const spread = new Uint8Array(set.classCount);
  for (let i = 0; i < grouping.rows.length; i++) {
    const label = set.labels[grouping.rows[i]!]!;
    const group = grouping.groups[i]!;
    if (first[label] === -1) first[label] = group;
    else if (first[label] !== group) spread[label] = 1;
  }
  set.knownElsewhere?.forEach((known, label) => {
    if (known === 1) spread[label] = 1;
  });
  const labels: number[] = [];
  const all: number[] = [];
  const leads = leadsCluster(set);
  for (let i = 0; i < set.rows; i++) {
    if (set.isView[i] === 1) continue;
    if (leads[i] === 1) all.push(labels.length);
    labels.push(set.labels[i]!);
  }
  const judged = all.filter((i) => spread[labels[i]!] === 1);
  return {
    labels: Int32Array.from(labels),
    judged: Int32Array.from(judged.length > 0 ? judged : all),
    singleGroupClasses: [...spread.keys()].filter((c) => spread[c] === 0),
  };
}
