import { HeadlandError } from '../errors.js';
import { stratifiedGroupFolds } from './folds.js';
import { NOVELTY_TRANSFORM, noveltyScore } from './novelty.js';
import { fitGaussians, type Gaussians } from './novelty-gaussians.js';
import type { NoveltyModel } from './novelty-model.js';
import { productTransposed, subspace } from './novelty-subspace.js';
import { groupingOf, type TrainingSet } from './train.js';
import { transformFeatures } from './transform.js';

export interface NoveltyOptions {
  /** Of the subspace, at most; fewer when there are few samples. */
  dimensions?: number;
  /** How far covariances are drawn towards a sphere of the same trace, 0..1. */
  shrinkage?: number;
  /** A class of so many samples has half its own covariance, half that of all classes; > 0. */
  commonSamples?: number;
  /** Parts of the groups that are left out in turn to get the calibration scores. */
  folds?: number;
  /** Labelled samples, and as many unlabelled ones, that are used at most. */
  maxRows?: number;
}

const DEFAULTS = { dimensions: 64, shrinkage: 0.3, commonSamples: 60, folds: 10, maxRows: 1_000 };
const FOLD_SEED = 1;
/** With fewer samples a class on average, all classes share one covariance; it also bounds the memory. */
const LEAST_FOR_OWN = 5;

/**
 * Fits the novelty model of a head to the originals of a training set. All work is done on the Gram
 * matrix of at most `maxRows` labelled and `maxRows` unlabelled rows, so that time and memory are
 * bounded however many samples there are.
 *
 * @param unlabelled features of frames of no known class, n x featureSize, row-major, untransformed;
 *   may be empty. They widen the background: what often stands in the field without a label is
 *   then told apart better.
 * @throws HL_TRAINING_SET_INVALID when the lengths do not fit.
 */
export function fitNovelty(
  set: TrainingSet,
  unlabelled: Float32Array = new Float32Array(0),
  options: NoveltyOptions = {},
): NoveltyModel {
  const settings = { ...DEFAULTS, ...options };
  const { folds, maxRows } = settings;
  const d = set.featureSize;
  if (unlabelled.length % d !== 0) {
    throw new HeadlandError(
      'HL_TRAINING_SET_INVALID',
      `${unlabelled.length} unlabelled features are no multiple of ${d}`,
      { remedy: 'Give whole rows of features.' },
    );
  }
  const rows = pickEvenly(set, maxRows);
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
  const scores = leftOutScores(set, rows, labels, folds, fit);
  return {
    ...everything.gaussians,
    ...quantise(everything.coefficients, known, n, everything.gaussians.dimensions, d),
    scores,
  };
}

/** Scores of labelled rows by models that saw nothing of their group, ascending. */
function leftOutScores(
  set: TrainingSet,
  rows: number[],
  labels: Int32Array,
  folds: number,
  fit: (training: number[]) => PartFit,
): Float32Array {
  const n = rows.length;
  const grouping = groupingOf(set);
  const groupOf = new Map([...grouping.rows].map((row, i) => [row, grouping.groups[i]!]));
  const groups = Int32Array.from(rows, (row) => groupOf.get(row)!);
  if (new Set(groups).size < 2) return new Float32Array(0);
  const foldOf = stratifiedGroupFolds(labels, groups, set.classCount, { folds, seed: FOLD_SEED });
  const scores: number[] = [];
  for (const fold of new Set(foldOf)) {
    const training = [...rows.keys()].filter((i) => foldOf[i] !== fold);
    const there = new Set(training.map((i) => labels[i]));
    const part = fit(training);
    for (let i = 0; i < n; i++) {
      // A class of which nothing is left is unknown to this model: it says nothing of known ones.
      if (foldOf[i] === fold && there.has(labels[i])) {
        scores.push(noveltyScore(part.gaussians, part.points[i]!));
      }
    }
  }
  return Float32Array.from(scores).sort();
}

interface PartFit {
  gaussians: Gaussians;
  /** r x n: each vector of the basis as a sum of labelled rows. */
  coefficients: Float64Array;
  /** All rows of the Gram matrix in the subspace, r coordinates each. */
  points: Float64Array[];
}

/** The model of some of the labelled rows and all unlabelled ones. */
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
  const classes = Array.from({ length: classCount }, (_, c) =>
    used.filter((_, i) => labels[training[i]!] === c),
  ).filter((members) => members.length > 0);
  const gaussians = fitGaussians(classes, [...used, ...points.slice(n)], options);
  return { gaussians, coefficients, points };
}

/** The basis as vectors of features, in 16 bits a value. */
function quantise(
  coefficients: Float64Array,
  known: Float64Array,
  n: number,
  r: number,
  d: number,
): Pick<NoveltyModel, 'basis' | 'basisScale'> {
  const basis = new Int16Array(r * d);
  const basisScale = new Float32Array(r);
  for (let k = 0; k < r; k++) {
    const row = new Float64Array(d);
    for (let i = 0; i < n; i++) {
      const share = coefficients[k * n + i]!;
      for (let j = 0; j < d; j++) row[j] = row[j]! + share * known[i * d + j]!;
    }
    const largest = row.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    basisScale[k] = largest / 32_767;
    for (let j = 0; j < d; j++) {
      basis[k * d + j] = largest > 0 ? Math.round((row[j]! / largest) * 32_767) : 0;
    }
  }
  return { basis, basisScale };
}

/** Originals, at most `maxRows`, evenly from every class. */
function pickEvenly(set: TrainingSet, maxRows: number): number[] {
  const originals = [...set.labels.keys()].filter((i) => set.isView[i] === 0);
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
