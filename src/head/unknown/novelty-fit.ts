import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';
import { stratifiedGroupFolds } from '../folds.js';
import { groupingOf, leadsCluster, type TrainingSet } from '../training-set.js';
import { transformFeatures } from '../transform.js';
import { classDistances, logDensityOffsets, NOVELTY_TRANSFORM, noveltyScore } from './novelty.js';
import {
  fitGaussians,
  type Gaussians,
  LEAST_FOR_OWN,
  NOVELTY_DEFAULTS,
} from './novelty-gaussians.js';
import { type NoveltyModel, quantisedBasis } from './novelty-model.js';
import { productTransposed, subspace } from './novelty-subspace.js';

export interface NoveltyOptions {
  /** Most dimensions of the subspace; fewer when there are few samples. */
  dimensions?: number;
  /** Shrinkage of covariances towards a sphere of the same trace, 0..1. */
  shrinkage?: number;
  /**
   * Number of samples at which a class uses half its own covariance and half that of all classes; >
   * 0.
   */
  commonSamples?: number;
  /** Parts of the groups, left out in turn; half as many with many samples. */
  folds?: number;
  /** Most labelled samples that are used, and most unlabelled ones. */
  maxRows?: number;
}

const DEFAULTS = { ...NOVELTY_DEFAULTS, folds: 10, maxRows: 1_000 };
const FOLD_SEED = 1;
/** With more samples than this, half as many parts still leave enough of them for each fit. */
const MANY_ROWS = 400;
/**
 * Most samples whose views are scored. Only these samples count then, so that views weigh as much
 * as originals.
 */
const MAX_VIEWED = 400;

/** A novelty model, and the answers of models without the group of each sample. */
export interface NoveltyFit {
  model: NoveltyModel;
  /**
   * n0 x classCount: log-density of each original under each class, up to a constant, by a model
   * that saw nothing of the original's group. A class that this model does not know is far away.
   * Null with fewer than two groups.
   */
  leaveGroupOutLogDensities: Float64Array | null;
}

/** Distance of a class without samples below the least likely class, nats. */
const ABSENT_CLASS_NATS = 5;

/**
 * Fits the novelty model of a head to the originals of a training set. Models are fitted on the
 * Gram matrix of at most `maxRows` labelled and `maxRows` unlabelled rows, so that time and memory
 * are bounded. Of near-duplicates only the first is one of them: many would make a class look narrower
 * than it is. Further originals are only scored, at the cost of `maxRows` products of rows each.
 *
 * @param unlabelled features of frames of no known class, n x featureSize, row-major,
 *   untransformed; may be empty. They widen the background, so that the model better detects what
 *   is often in the field without a label.
 * @throws HL_TRAINING_SET_INVALID when the lengths do not fit.
 */
export function fitClassGaussians(
  set: TrainingSet,
  unlabelled: Float32Array = new Float32Array(0),
  options: NoveltyOptions = {},
): NoveltyFit {
  const settings = { ...DEFAULTS, ...options };
  const { maxRows } = settings;
  const d = set.featureSize;
  if (unlabelled.length % d !== 0) {
    throw new HeadlandError(
      'HL_TRAINING_SET_INVALID',
      `${unlabelled.length} unlabelled features are not whole rows of ${d}`,
      { remedy: DEFECT_REMEDY },
    );
  }
  const originals = [...set.labels.keys()].filter((i) => set.isView[i] === 0);
  const leads = leadsCluster(set);
  const leaders = originals.filter((row) => leads[row] === 1);
  const rows = pickEvenly(set, leaders, maxRows);
  const known = gather(set.features, d, rows);
  const background = gather(unlabelled, d, spaced(unlabelled.length / d, maxRows));
  const n = rows.length;
  const all = new Float64Array(known.length + background.length);
  all.set(known);
  all.set(background, known.length);
  // Row j of `gram`: products of any row j with all labelled rows.
  const gram = products(all, known, d);
  const labels = Int32Array.from(rows, (row) => set.labels[row]!);
  if (n < LEAST_FOR_OWN * set.classCount) settings.commonSamples = Number.POSITIVE_INFINITY;
  const fit = (training: number[]) => fitPart(gram, n, training, labels, set.classCount, settings);

  const everything = fit([...rows.keys()]);
  const picked = new Set(rows);
  const others = originals.filter((row) => !picked.has(row));
  const otherGram = products(gather(set.features, d, others), known, d);
  const folds = n > MANY_ROWS ? Math.max(2, Math.ceil(settings.folds / 2)) : settings.folds;
  const views = lastViews(set, rows);
  const viewRows = [...views.values()];
  const viewGram = products(gather(set.features, d, viewRows), known, d);
  const viewAt = new Map([...views.keys()].map((i, at) => [i, at]));
  const material = { rows, labels, others, otherGram, viewAt, viewGram };
  const leftOut = leaveOut(set, material, folds, fit);
  return {
    model: {
      ...everything.gaussians,
      ...quantise(everything.coefficients, known, n, everything.gaussians.dimensions, d),
      scores: leftOut?.scores ?? new Float32Array(0),
    },
    leaveGroupOutLogDensities: leftOut && inOrder(leftOut.logDensities, originals, set.classCount),
  };
}

/** The model of {@link fitClassGaussians}. */
export function fitNovelty(
  set: TrainingSet,
  unlabelled?: Float32Array,
  options?: NoveltyOptions,
): NoveltyModel {
  return fitClassGaussians(set, unlabelled, options).model;
}

interface Material {
  /** Originals that models are fitted on. */
  rows: readonly number[];
  /** Class index of each of `rows`. */
  labels: Int32Array;
  /** The originals that no model is fitted on. */
  others: readonly number[];
  /** Products of `others` with `rows`. */
  otherGram: Float64Array;
  /** Row of `viewGram` for each index into `rows` whose sample has a view; empty: there are none. */
  viewAt: ReadonlyMap<number, number>;
  /** Products of the views with `rows`. */
  viewGram: Float64Array;
}

interface LeftOut {
  /** Novelty scores of `rows`, or of those with a view and of their views, ascending. */
  scores: Float32Array;
  /** Log-densities of each class, by row of the set. */
  logDensities: Map<number, Float64Array>;
}

/** Answers of models that saw nothing of a row's group; null with fewer than two groups. */
function leaveOut(
  set: TrainingSet,
  material: Material,
  folds: number,
  fit: (training: number[]) => PartFit,
): LeftOut | null {
  const { rows, others, otherGram } = material;
  const split = splitByGroup(set, material, folds);
  if (!split) return null;
  const scores: number[] = [];
  const logDensities = new Map<number, Float64Array>();
  for (const fold of split.folds) {
    const part = fit([...rows.keys()].filter((i) => split.foldOf[i] !== fold));
    for (const [i, row] of rows.entries()) {
      if (split.foldOf[i] !== fold) continue;
      logDensities.set(row, logDensitiesAt(part, part.points[i]!, set.classCount));
      scores.push(...scoresOf(i, part, material));
    }
    for (const [i, row] of others.entries()) {
      if (split.foldOfOther[i] !== fold) continue;
      const point = pointOf(otherGram, i, part);
      logDensities.set(row, logDensitiesAt(part, point, set.classCount));
    }
  }
  return { scores: Float32Array.from(scores).sort(), logDensities };
}

interface Split {
  folds: readonly number[];
  /** Fold of each of `rows` of the material. */
  foldOf: Int32Array;
  /** Fold of each of its `others`. */
  foldOfOther: readonly number[];
}

/** The folds of a leave-group-out; null with fewer than two groups. */
function splitByGroup(
  set: TrainingSet,
  { rows, labels, others }: Material,
  folds: number,
): Split | null {
  const grouping = groupingOf(set);
  const groupOf = new Map([...grouping.rows].map((row, i) => [row, grouping.groups[i]!]));
  const groups = Int32Array.from(rows, (row) => groupOf.get(row)!);
  if (new Set(groups).size < 2) return null;
  const foldOf = stratifiedGroupFolds(labels, groups, set.classCount, { folds, seed: FOLD_SEED });
  const foldOfGroup = new Map([...groups].map((group, i) => [group, foldOf[i]!]));
  const used = [...new Set(foldOf)];
  // No row of this group was picked, so no model has seen it, and any model can answer.
  const foldOfOther = others.map((row) => foldOfGroup.get(groupOf.get(row)!) ?? used[0]!);
  return { folds: used, foldOf, foldOfOther };
}

/** Log-density of a point under each class, up to a constant; see {@link NoveltyFit}. */
function logDensitiesAt(part: PartFit, point: Float64Array, classCount: number): Float64Array {
  const distances = classDistances(part.gaussians, point);
  const densities = distances.map((distance, k) => part.offsets[k]! - distance / 2);
  const absent = Math.min(...densities) - ABSENT_CLASS_NATS;
  const every = new Float64Array(classCount).fill(absent);
  for (const [k, c] of part.classes.entries()) every[c] = densities[k]!;
  return every;
}

/**
 * Novelty scores of a left-out sample and of its view. Where there are views, only samples with a
 * view count.
 */
function scoresOf(i: number, part: PartFit, { labels, viewAt, viewGram }: Material): number[] {
  // This model knows no sample of the class; the score would not be that of a known sample.
  if (!part.classes.includes(labels[i]!)) return [];
  const view = viewAt.get(i);
  if (view !== undefined) {
    return [part.points[i]!, pointOf(viewGram, view, part)].map((point) =>
      noveltyScore(part.gaussians, point),
    );
  }
  return viewAt.size > 0 ? [] : [noveltyScore(part.gaussians, part.points[i]!)];
}

/** Coordinates in the subspace of row `i` of a Gram matrix with the labelled rows. */
function pointOf(
  gram: Float64Array,
  i: number,
  { coefficients, gaussians }: PartFit,
): Float64Array {
  const r = gaussians.dimensions;
  const n = coefficients.length / r;
  return productTransposed(gram.subarray(i * n, (i + 1) * n), 1, coefficients, r, n);
}

function inOrder(
  logDensities: ReadonlyMap<number, Float64Array>,
  originals: readonly number[],
  classCount: number,
): Float64Array {
  const out = new Float64Array(originals.length * classCount);
  for (const [i, row] of originals.entries()) out.set(logDensities.get(row)!, i * classCount);
  return out;
}

interface PartFit {
  gaussians: Gaussians;
  /** The class behind each Gaussian. */
  classes: number[];
  /** See {@link logDensityOffsets}. */
  offsets: Float64Array;
  /** r x n: each basis vector as a sum of labelled rows. */
  coefficients: Float64Array;
  /** All rows of the Gram matrix in the subspace, r coordinates each. */
  points: Float64Array[];
}

/** The model of some labelled rows and all unlabelled rows. */
function fitPart(
  gram: Float64Array,
  n: number,
  training: readonly number[],
  labels: Int32Array,
  classCount: number,
  options: Required<NoveltyOptions>,
): PartFit {
  const coefficients = subspace(gram, n, training, options.dimensions);
  const r = coefficients.length / n;
  const inside = productTransposed(gram, gram.length / n, coefficients, r, n);
  const points = Array.from({ length: gram.length / n }, (_, i) =>
    inside.subarray(i * r, (i + 1) * r),
  );
  const used = training.map((i) => points[i]!);
  const members = Array.from({ length: classCount }, (_, c) =>
    used.filter((_, i) => labels[training[i]!] === c),
  );
  const classes = [...members.keys()].filter((c) => members[c]!.length > 0);
  const gaussians = fitGaussians(
    classes.map((c) => members[c]!),
    [...used, ...points.slice(n)],
    options,
  );
  return { gaussians, classes, offsets: logDensityOffsets(gaussians), coefficients, points };
}

/** The basis as feature vectors, in 16 bits a value. */
function quantise(
  coefficients: Float64Array,
  known: Float64Array,
  n: number,
  r: number,
  d: number,
): Pick<NoveltyModel, 'basis' | 'basisScale'> {
  const rows = new Float64Array(r * d);
  for (let k = 0; k < r; k++) {
    for (let i = 0; i < n; i++) {
      const share = coefficients[k * n + i]!;
      for (let j = 0; j < d; j++) rows[k * d + j] = rows[k * d + j]! + share * known[i * d + j]!;
    }
  }
  return quantisedBasis(rows, d);
}

/**
 * The last view of each row, which is a photometric one where there are any. Known things in
 * another light must not seem novel, and only views show how much light changes them. Empty where a
 * row has no view or parents are unknown.
 * @returns By index of the row, evenly spaced.
 */
function lastViews(
  { samples, isView }: TrainingSet,
  rows: readonly number[],
): ReadonlyMap<number, number> {
  if (!samples) return new Map();
  const last = new Map<number, number>();
  for (let row = 0; row < samples.length; row++)
    if (isView[row] === 1) last.set(samples[row]!, row);
  const views = rows.flatMap((row) => last.get(samples[row]!) ?? []);
  if (views.length < rows.length) return new Map();
  return new Map(spaced(rows.length, MAX_VIEWED).map((i) => [i, views[i]!]));
}

/** At most `maxRows` originals, evenly from every class. */
function pickEvenly(set: TrainingSet, originals: number[], maxRows: number): number[] {
  if (originals.length <= maxRows) return originals;
  return Array.from({ length: set.classCount }, (_, c) => {
    const members = originals.filter((i) => set.labels[i] === c);
    const share = Math.max(1, Math.floor((members.length * maxRows) / originals.length));
    return spaced(members.length, share).map((i) => members[i]!);
  })
    .flat()
    .sort((a, b) => a - b);
}

/** At most `most` of 0..count-1, evenly spaced. */
function spaced(count: number, most: number): number[] {
  const length = Math.min(count, most);
  return Array.from({ length }, (_, i) => Math.floor((i * count) / length));
}

function gather(features: Float32Array, d: number, rows: readonly number[]): Float64Array {
  const out = new Float64Array(rows.length * d);
  for (const [i, row] of rows.entries()) {
    out.set(
      transformFeatures(features.subarray(row * d, (row + 1) * d), d, NOVELTY_TRANSFORM),
      i * d,
    );
  }
  return out;
}

function products(a: Float64Array, b: Float64Array, d: number): Float64Array {
  return productTransposed(a, a.length / d, b, b.length / d, d);
}
