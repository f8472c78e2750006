import { stratifiedGroupFolds } from '../../head/folds.js';
import { RIDGE_LAMBDAS } from '../../head/learners/ridge.js';
import { bestCandidate, judgeLogits, macroScale, pickRows } from '../../head/learners/select.js';
import { type Basis, lift, project, SUMS_TRANSFORM } from '../../head/sums/basis.js';
import { BLEND_SAMPLES, blendSums, type LabelledSums } from '../../head/sums/blend.js';
import { gaussiansFromSums, noveltyModel, noveltyOfRow } from '../../head/sums/gaussian-sums.js';
import { type RidgeHeads, ridgeFromSums } from '../../head/sums/ridge-sums.js';
import { sumsByClass } from '../../head/sums/task-sums.js';
import {
  type Candidate,
  groupingOf,
  judgedRows,
  type LinearFit,
  sharesOf,
  type TrainingSet,
} from '../../head/training-set.js';
import type { HeadFit } from './fit-head.js';
import { calibrated } from './recipes.js';

const FOLDS = 10;
const FOLD_SEED = 1;
/** With fewer left-out scores of its own, a robot takes those of the fleet. */
const LEAST_SCORES = 30;

/** What a robot takes from its fleet to train a head. */
export interface FleetPrior {
  basis: Basis;
  /** Sums of all other robots, by the labels of the set; its classes are among `labels`. */
  classes: readonly LabelledSums[];
  /** Variance of the noise in each value of `classes`; 0: none. */
  variance: number;
  /** λ that the fleet chose, in units of the mean diagonal. */
  lambda: number;
  /** Factor from ridge outputs to logits that the fleet chose. */
  scale: number;
  /** Left-out novelty scores of the fleet, ascending. */
  scores: Float32Array;
}

/**
 * A head of a robot's own sums and those of its fleet. How many samples the fleet counts as, and λ, are
 * chosen by leaving the robot's own groups out: the fleet's sums contain none of them. With fewer than two
 * groups the fleet's choice is taken, and the own samples are judged by the fleet without them.
 * @param set own samples, at least one original, with `labels` as its classes, the fleet's among them; views
 *   are not used
 * @param labels sorted
 * @param onFold called after each fold, with their number
 */
export function fitFleetHead(
  set: TrainingSet,
  labels: readonly string[],
  prior: FleetPrior,
  onFold: (done: number, total: number) => void = () => {},
): HeadFit {
  const known = new Set(prior.classes.map(({ label }) => label));
  const knownElsewhere = Uint8Array.from(labels, (label) => (known.has(label) ? 1 : 0));
  const judgedSet: TrainingSet = { ...set, knownElsewhere };
  const own = ownRows(judgedSet, prior.basis);
  const parts = partsOf(judgedSet, own);
  const cells: Cell[] = parts.length > 0 ? gridOf() : [theFleets(prior)];
  for (const cell of cells) cell.outputs = new Float64Array(own.rows.length * labels.length);
  const scores: number[] = [];
  for (const [done, part] of parts.entries()) {
    for (const samples of BLEND_SAMPLES) answerPart(part, samples, own, labels, prior, cells);
    onFold(done + 1, parts.length);
  }
  if (parts.length === 0) {
    const heads = ridgeFromSums(prior.classes, {
      lambdas: [prior.lambda],
      variance: prior.variance,
    });
    writeOutputs(heads, 0, own.rows.keys(), own, labels, cells[0]!.outputs);
  }
  const { cell, scale, candidates } = choose(cells, judgedSet, labels.length);
  const factor = parts.length > 0 ? scale : prior.scale;
  const classes = blendSums(
    sumsOf(own, labels, () => true),
    prior.classes,
    cell.samples,
  );
  const heads = ridgeFromSums(classes, { lambdas: [cell.lambda], variance: prior.variance });
  const grouping = groupingOf(judgedSet);
  const fit: LinearFit = {
    ...wholeHead(heads, labels, factor, prior.basis),
    lambda: cell.lambda,
    transform: SUMS_TRANSFORM,
    leaveGroupOutLogits: cell.outputs.map((value) => factor * value),
    candidates,
    grouping: grouping.kind,
    singleGroupClasses: judgedRows(judgedSet, grouping).singleGroupClasses,
  };
  for (const part of parts) {
    const without = blendSums(
      sumsOf(own, labels, (i) => !part.has(i)),
      prior.classes,
      cell.samples,
    );
    const gaussians = gaussiansFromSums(without);
    const knows = new Set(without.map(({ label }) => label));
    for (const i of part) {
      if (knows.has(labels[own.labels[i]!]!)) scores.push(noveltyOfRow(gaussians, rowOf(own, i)));
    }
  }
  const novelty = noveltyModel(gaussiansFromSums(classes), prior.basis, []);
  const isEnough = scores.length >= LEAST_SCORES;
  return {
    recipe: calibrated(judgedSet, 'ridge', fit),
    novelty: { ...novelty, scores: isEnough ? Float32Array.from(scores).sort() : prior.scores },
    table: [],
  };
}

/** A number of samples that the fleet counts as, and a λ, with the left-out outputs that they give. */
interface Cell {
  samples: number;
  lambda: number;
  /** n0 x C. */
  outputs: Float64Array;
}

function gridOf(): Cell[] {
  return BLEND_SAMPLES.flatMap((samples) =>
    RIDGE_LAMBDAS.map((lambda) => ({ samples, lambda, outputs: new Float64Array(0) })),
  );
}

function theFleets({ lambda }: FleetPrior): Cell {
  return { samples: Number.POSITIVE_INFINITY, lambda, outputs: new Float64Array(0) };
}

/** The originals of a set in the coordinates of a basis. */
interface OwnRows {
  /** Rows of the set. */
  rows: number[];
  /** By index into `rows`. */
  z: Float64Array;
  labels: Int32Array;
  shares: Float64Array;
  directions: number;
}

function ownRows(set: TrainingSet, basis: Basis): OwnRows {
  const { featureSize: d } = set;
  const rows = [...set.labels.keys()].filter((row) => set.isView[row] === 0);
  const features = new Float32Array(rows.length * d);
  for (const [i, row] of rows.entries()) {
    features.set(set.features.subarray(row * d, (row + 1) * d), i * d);
  }
  const shares = sharesOf(set);
  return {
    rows,
    z: project(basis, features),
    labels: Int32Array.from(rows, (row) => set.labels[row]!),
    shares: Float64Array.from(rows, (row) => shares[row]!),
    directions: basis.directions,
  };
}

function rowOf({ z, directions: k }: OwnRows, i: number): Float64Array {
  return z.subarray(i * k, (i + 1) * k);
}

/** Parts that are left out in turn, as indices of own rows; empty with fewer than two groups. */
function partsOf(set: TrainingSet, { rows, labels }: OwnRows): ReadonlySet<number>[] {
  const grouping = groupingOf(set);
  const groupOf = new Map([...grouping.rows].map((row, i) => [row, grouping.groups[i]!]));
  const groups = Int32Array.from(rows, (row) => groupOf.get(row)!);
  if (new Set(groups).size < 2) return [];
  const foldOf = stratifiedGroupFolds(labels, groups, set.classCount, {
    folds: FOLDS,
    seed: FOLD_SEED,
  });
  const parts = new Map<number, Set<number>>();
  for (const [i, fold] of foldOf.entries()) {
    const part = parts.get(fold) ?? new Set();
    parts.set(fold, part.add(i));
  }
  return [...parts.values()];
}

function sumsOf(
  { z, directions, labels: classes, shares }: OwnRows,
  labels: readonly string[],
  isIn: (i: number) => boolean,
): LabelledSums[] {
  const names = [...classes].map((c, i) => (isIn(i) ? labels[c]! : null));
  return sumsByClass(z, directions, names, shares);
}

/** Outputs for the rows of a part by heads that saw none of them, for every λ. */
function answerPart(
  part: ReadonlySet<number>,
  samples: number,
  own: OwnRows,
  labels: readonly string[],
  { classes, variance }: FleetPrior,
  cells: readonly Cell[],
): void {
  const rest = sumsOf(own, labels, (i) => !part.has(i));
  const blended = blendSums(rest, classes, samples);
  if (blended.length < 2) return;
  const heads = ridgeFromSums(blended, { variance });
  for (const [l, lambda] of heads.lambdas.entries()) {
    const cell = cells.find((own) => own.samples === samples && own.lambda === lambda);
    if (cell) writeOutputs(heads, l, part, own, labels, cell.outputs);
  }
}

/** A class that a head does not know gets the output of "certainly not": 0. */
function writeOutputs(
  { labels: known, weights, bias }: RidgeHeads,
  l: number,
  rows: Iterable<number>,
  own: OwnRows,
  labels: readonly string[],
  outputs: Float64Array,
): void {
  const at = known.map((label) => labels.indexOf(label));
  const k = own.directions;
  for (const i of rows) {
    const z = rowOf(own, i);
    for (const [c, place] of at.entries()) {
      if (place < 0) continue;
      let value = bias[l]![c]!;
      for (let j = 0; j < k; j++) value += weights[l]![c * k + j]! * z[j]!;
      outputs[i * labels.length + place] = value;
    }
  }
}

/** Chooses as `fitRidge` does: a scale for each cell, then the least macro log-loss. */
function choose(
  cells: readonly Cell[],
  set: TrainingSet,
  classCount: number,
): { cell: Cell; scale: number; candidates: Candidate[] } {
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const judgedLabels = judged.map((i) => labels[i]!);
  const scales: number[] = [];
  const candidates = cells.map(({ lambda, outputs }): Candidate => {
    const known = pickRows(outputs, classCount, judged);
    const scale = macroScale(known, judgedLabels, classCount);
    scales.push(scale);
    const scores = judgeLogits(
      known.map((value) => value * scale),
      judgedLabels,
      classCount,
    );
    return { lambda, transform: SUMS_TRANSFORM, ...scores };
  });
  const best = bestCandidate(candidates);
  return { cell: cells[best]!, scale: scales[best]!, candidates };
}

/** Weights and bias of all labels; those that the heads do not know are never answered. */
function wholeHead(
  { labels: known, weights, bias }: RidgeHeads,
  labels: readonly string[],
  scale: number,
  basis: Basis,
): Pick<LinearFit, 'weights' | 'bias'> {
  const lifted = lift(basis, weights[0]!);
  const d = basis.featureSize;
  const all = new Float32Array(labels.length * d);
  const allBias = new Float32Array(labels.length);
  for (const [place, label] of labels.entries()) {
    const c = known.indexOf(label);
    if (c < 0) continue;
    for (let j = 0; j < d; j++) all[place * d + j] = scale * lifted[c * d + j]!;
    allBias[place] = scale * bias[0]![c]!;
  }
  return { weights: all, bias: allBias };
}
