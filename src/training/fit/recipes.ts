import { fitTemperature } from '../../head/calibrate.js';
import type { FeatureTransform, Head, LearnerName } from '../../head/head.js';
import { fitRidge } from '../../head/learners/ridge.js';
import { judgeLogits, pickRows } from '../../head/learners/select.js';
import { fitSoftmax } from '../../head/learners/softmax.js';
import { projected } from '../../head/learners/subspace.js';
import { softmaxRows } from '../../head/score.js';
import {
  groupingOf,
  judgedRows,
  type LinearFit,
  type TrainingSet,
} from '../../head/training-set.js';
import { logDensityOffsets } from '../../head/unknown/novelty.js';
import type { NoveltyFit } from '../../head/unknown/novelty-fit.js';
import type { NoveltyModel } from '../../head/unknown/novelty-model.js';

export type Learner = Exclude<LearnerName, 'tf-layers'>;

export interface FittedRecipe {
  learner: LearnerName;
  fit: LinearFit;
  /** Most augmented views per sample that the recipe learnt from. */
  views: number;
  /** Fitted on the leave-group-out logits. */
  temperature: number;
  /**
   * The class Gaussians that answer together with the linear layer; `scale` is
   * `Head.gaussianScale`.
   */
  gaussians?: { scale: number; model: NoveltyModel };
  /** n0 x C: probabilities of each original by heads that never saw its group. */
  leaveGroupOutProbabilities: Float64Array;
  /**
   * Mean over classes of the mean log-loss of the class, on samples whose class left-out heads
   * know.
   */
  macroLogLoss: number;
  /** Macro-F1 of the same answers, 0..1. */
  macroF1: number;
}

/**
 * Fits one linear recipe in typed arrays, with the best λ of the learner's own grid. For a blend,
 * the mean of {@link blendMembers}.
 */
export function fitRecipe(
  set: TrainingSet,
  learner: Learner,
  transform: FeatureTransform,
): FittedRecipe {
  const fit = (part: TrainingSet, member: 'ridge' | 'softmax'): FittedRecipe => {
    const { set: reduced, lift } = projected(part, transform);
    const fitted = (member === 'ridge' ? fitRidge : fitSoftmax)(reduced, { transform: 'none' });
    return calibrated(part, member, lift(fitted));
  };
  if (learner !== 'blend') return fit(set, learner);
  return blended(
    set,
    blendMembers(set).map(({ part, member }) => fit(part, member)),
  );
}

/** Members of a blend: ridge and softmax on each of {@link blendParts}. */
export function blendMembers(
  set: TrainingSet,
): { part: TrainingSet; member: 'ridge' | 'softmax' }[] {
  return blendParts(set).flatMap((part) => [
    { part, member: 'ridge' as const },
    { part, member: 'softmax' as const },
  ]);
}

/** The set with all its views, and the originals alone if it has views. */
export function blendParts(set: TrainingSet): TrainingSet[] {
  return set.samples && mostViews(set) > 0 ? [set, withViews(set, 0)] : [set];
}

/** Judges a fit by its left-out logits at its own temperature. */
export function calibrated(set: TrainingSet, learner: LearnerName, fit: LinearFit): FittedRecipe {
  // A class of one group is unknown to the heads that judge it, so it says nothing about a recipe.
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const judgedLabels = judged.map((row) => labels[row] as number);
  const known = pickRows(fit.leaveGroupOutLogits, set.classCount, judged);
  const temperature = fitTemperature(
    known,
    judgedLabels,
    set.classCount,
    independentRows(set, judged),
  );
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

/** Number of groups of the judged originals: frames of one pass are right or wrong together. */
function independentRows({ groups, isView }: TrainingSet, judged: Int32Array): number {
  const originals = groups.filter((_, row) => isView[row] === 0);
  return new Set(judged.map((row) => originals[row] as number)).size;
}

/**
 * The mean of the calibrated logits of linear heads on the same transform, which is again a linear
 * head. Their errors differ (squared loss against log-loss, views against originals alone). With
 * few samples the mean is therefore wrong less often than each member, and no choice between them
 * is needed that the evidence could not support.
 * @param set The set that the mean is judged on; all members share its originals.
 */
export function blended(set: TrainingSet, members: readonly FittedRecipe[]): FittedRecipe {
  const first = members[0];
  if (!first) throw new RangeError('no member');
  const mean = <T extends Float32Array | Float64Array>(of: (fit: LinearFit) => T): T =>
    of(first.fit).map((_, i) => {
      let sum = 0;
      for (const { fit, temperature } of members) sum += of(fit)[i]! / temperature;
      return sum / members.length;
    }) as T;
  const softmax = members.find(({ learner }) => learner === 'softmax') ?? first;
  return calibrated(set, 'blend', {
    ...softmax.fit,
    weights: mean((fit) => fit.weights),
    bias: mean((fit) => fit.bias),
    leaveGroupOutLogits: mean((fit) => fit.leaveGroupOutLogits),
    candidates: [],
  });
}

/** Share of the class Gaussians in the mean logits; measured by bench accuracy. */
const GAUSSIAN_SHARE = 1 / 3;

/**
 * Adds the class Gaussians of the novelty model to a linear recipe: the weighted mean of calibrated
 * logits. Gaussians model the spread of each class, which a linear layer cannot. They improve
 * accuracy and log-loss where samples are few, labels wrong or images dark.
 */
export function withGaussians(
  set: TrainingSet,
  linear: FittedRecipe,
  { model, leaveGroupOutLogDensities }: NoveltyFit,
): FittedRecipe {
  if (!leaveGroupOutLogDensities) return linear;
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const own = fitTemperature(
    pickRows(leaveGroupOutLogDensities, set.classCount, judged),
    judged.map((row) => labels[row] as number),
    set.classCount,
    independentRows(set, judged),
  );
  const linearFactor = (1 - GAUSSIAN_SHARE) / linear.temperature;
  const gaussianScale = GAUSSIAN_SHARE / own;
  const offsets = logDensityOffsets(model);
  const { fit } = linear;
  const joined = calibrated(set, linear.learner, {
    ...fit,
    weights: fit.weights.map((value) => linearFactor * value),
    bias: fit.bias.map((value, c) => linearFactor * value + gaussianScale * offsets[c]!),
    leaveGroupOutLogits: fit.leaveGroupOutLogits.map(
      (value, i) => linearFactor * value + gaussianScale * leaveGroupOutLogDensities[i]!,
    ),
  });
  return { ...joined, views: linear.views, gaussians: { scale: gaussianScale, model } };
}

/** The linear layer of a head before {@link withGaussians}, at the same calibration. */
export function linearPart(head: Head): Head {
  const { novelty, gaussianScale, ...rest } = head;
  if (gaussianScale === undefined || !novelty) return head;
  const offsets = logDensityOffsets(novelty);
  const factor = 1 / (1 - GAUSSIAN_SHARE);
  return {
    ...rest,
    novelty,
    weights: head.weights.map((value) => factor * value),
    bias: head.bias.map((value, c) => factor * (value - gaussianScale * offsets[c]!)),
  };
}

/** The set with at most the first `views` views of every sample; needs `set.samples`. */
export function withViews(set: TrainingSet, views: number): TrainingSet {
  const { samples, featureSize } = set;
  if (!samples) throw new RangeError('the set does not tell the parents of its views');
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
    ...(set.clusters && { clusters: pick(set.clusters) }),
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
