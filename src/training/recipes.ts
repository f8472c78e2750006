import { fitTemperature } from '../head/calibrate.js';
import type { FeatureTransform, LearnerName } from '../head/head.js';
import { fitRidge } from '../head/ridge.js';
import { softmaxRows } from '../head/score.js';
import { judgeLogits, pickRows } from '../head/select.js';
import { fitSoftmax } from '../head/softmax.js';
import { projected } from '../head/subspace.js';
import { groupingOf, judgedRows, type LinearFit, type TrainingSet } from '../head/train.js';

export type Learner = Exclude<LearnerName, 'tf-layers'>;

export interface FittedRecipe {
  learner: LearnerName;
  fit: LinearFit;
  /** Most augmented views of a sample that it learned from. */
  views: number;
  /** Fitted on the leave-group-out logits. */
  temperature: number;
  /** n0 x C: of each original, by heads that never saw its group. */
  leaveGroupOutProbabilities: Float64Array;
  /** Mean over classes of the mean log-loss of the class, where left-out heads know the class. */
  macroLogLoss: number;
  /** Of the same answers, 0..1. */
  macroF1: number;
}

/** Fits one recipe by typed arrays alone, with the λ that is best on the learner's own grid. */
export function fitRecipe(
  set: TrainingSet,
  learner: Learner,
  transform: FeatureTransform,
): FittedRecipe {
  const { set: reduced, lift } = projected(set, transform);
  const every = { transform: 'none' } as const;
  if (learner === 'ridge') return calibrated(set, learner, lift(fitRidge(reduced, every)));
  const softmax = calibrated(set, 'softmax', lift(fitSoftmax(reduced, every)));
  if (learner === 'softmax') return softmax;
  return blended(set, calibrated(set, 'ridge', lift(fitRidge(reduced, every))), softmax);
}

/** Judges a fit on its left-out logits, after a temperature of its own. */
export function calibrated(set: TrainingSet, learner: LearnerName, fit: LinearFit): FittedRecipe {
  // A class of one group is unknown to the heads that judge it: it says nothing about a recipe.
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const judgedLabels = judged.map((row) => labels[row] as number);
  const known = pickRows(fit.leaveGroupOutLogits, set.classCount, judged);
  const temperature = fitTemperature(known, judgedLabels, set.classCount);
  const scores = judgeLogits(
    known.map((logit) => logit / temperature),
    judgedLabels,
    set.classCount,
  );
  const probabilities = fit.leaveGroupOutLogits.slice();
  softmaxRows(probabilities, set.classCount, 1 / temperature);
  return {
    learner,
    fit,
    views: mostViews(set),
    temperature,
    leaveGroupOutProbabilities: probabilities,
    macroLogLoss: scores.logLoss,
    macroF1: scores.macroF1,
  };
}

/**
 * The mean of the calibrated logits of a ridge and a softmax on the same transform: one linear
 * head again. Their errors differ (squared loss against log-loss), so that the mean of both is
 * wrong less often than either where samples are few.
 */
export function blended(
  set: TrainingSet,
  ridge: FittedRecipe,
  softmax: FittedRecipe,
): FittedRecipe {
  const a = 0.5 / ridge.temperature;
  const b = 0.5 / softmax.temperature;
  const mean = <T extends Float32Array | Float64Array>(of: (fit: LinearFit) => T): T => {
    const other = of(softmax.fit);
    return of(ridge.fit).map((value, i) => a * value + b * (other[i] as number)) as T;
  };
  return calibrated(set, 'blend', {
    ...softmax.fit,
    weights: mean((fit) => fit.weights),
    bias: mean((fit) => fit.bias),
    leaveGroupOutLogits: mean((fit) => fit.leaveGroupOutLogits),
    candidates: [],
  });
}

/** Without the views of every sample beyond the first `views`; needs `set.samples`. */
export function withViews(set: TrainingSet, views: number): TrainingSet {
  const { samples, featureSize } = set;
  if (!samples) throw new RangeError('the set does not say whose the views are');
  const seen = new Map<number, number>();
  const rows: number[] = [];
  for (let row = 0; row < set.rows; row++) {
    if (set.isView[row] === 1) {
      const number = (seen.get(samples[row] as number) ?? 0) + 1;
      seen.set(samples[row] as number, number);
      if (number > views) continue;
    }
    rows.push(row);
  }
  const features = new Float32Array(rows.length * featureSize);
  rows.forEach((row, i) => {
    features.set(
      set.features.subarray(row * featureSize, (row + 1) * featureSize),
      i * featureSize,
    );
  });
  const pick = (of: Int32Array) => Int32Array.from(rows, (row) => of[row] as number);
  return {
    ...set,
    features,
    rows: rows.length,
    labels: pick(set.labels),
    groups: pick(set.groups),
    isView: Uint8Array.from(rows, (row) => set.isView[row] as number),
    samples: pick(samples),
  };
}

/** Most views of one sample; where parents are unknown, views per sample rounded up. */
export function mostViews(set: TrainingSet): number {
  const counts = new Map<number, number>();
  let views = 0;
  for (let row = 0; row < set.rows; row++) {
    if (set.isView[row] === 0) continue;
    views++;
    const sample = set.samples?.[row];
    if (sample !== undefined) counts.set(sample, (counts.get(sample) ?? 0) + 1);
  }
  if (set.samples) return Math.max(0, ...counts.values());
  return Math.ceil(views / (set.rows - views));
}
