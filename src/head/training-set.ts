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
  /** At least 2; every class needs at least one row that is not a view. */
  classCount: number;
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
    (set.samples !== undefined && set.samples.length !== rows)
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

/** w_i = N / (C · n_{label i}): all classes weigh the same, and the mean weight is 1. */
export function classBalancedWeights(labels: Int32Array, classCount: number): Float64Array {
  const counts = new Float64Array(classCount);
  for (const label of labels) counts[label]!++;
  let present = 0;
  for (const count of counts) if (count > 0) present++;
  return Float64Array.from(labels, (label) => labels.length / (present * counts[label]!));
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
 * Dense group indices of a training set. With fewer than two groups, each row and its views form a
 * unit. Without `samples` views are not used then: a view of a left-out sample would reveal the
 * answer.
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
  const { samples } = set;
  if (samples) {
    const parents = new Map<number, number>();
    for (const sample of samples) if (!parents.has(sample)) parents.set(sample, parents.size);
    return {
      kind: 'row',
      rows: Int32Array.from({ length: set.rows }, (_, i) => i),
      groups: samples.map((sample) => parents.get(sample)!),
      groupCount: parents.size,
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
  const labels: number[] = [];
  for (let i = 0; i < set.rows; i++) if (set.isView[i] === 0) labels.push(set.labels[i]!);
  const all = labels.map((_, i) => i);
  const judged = all.filter((i) => spread[labels[i]!] === 1);
  return {
    labels: Int32Array.from(labels),
    judged: Int32Array.from(judged.length > 0 ? judged : all),
    singleGroupClasses: [...spread.keys()].filter((c) => spread[c] === 0),
  };
}
