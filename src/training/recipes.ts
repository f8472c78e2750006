import { setImmediate as nextTurn } from 'node:timers/promises';
import { fitTemperature } from '../head/calibrate.js';
import type { FeatureTransform, LearnerName } from '../head/head.js';
import { fitRidge } from '../head/ridge.js';
import { indexOfLargest, softmaxRows } from '../head/score.js';
import { judgeLogits, pickRows } from '../head/select.js';
import { fitSoftmax } from '../head/softmax.js';
import { groupingOf, judgedRows, type LinearFit, type TrainingSet } from '../head/train.js';
import type { TrainingCandidate } from './report.js';
import { fitTfLayers } from './tf-learner.js';

const TRANSFORMS: readonly FeatureTransform[] = ['none', 'sqrt', 'l2', 'sqrt-l2'];
/** What softmax is given when no ridge has shown which transform suits. */
const TRANSFORMS_WITHOUT_RIDGE: readonly FeatureTransform[] = ['none', 'sqrt-l2'];

export type Learner = Exclude<LearnerName, 'tf-layers'>;

export interface FittedRecipe {
  learner: LearnerName;
  fit: LinearFit;
  /** Fitted on the leave-group-out logits. */
  temperature: number;
  /** n0 x C: of each original, by heads that never saw its group. */
  leaveGroupOutProbabilities: Float64Array;
  /** Mean over classes of the mean log-loss of the class, where left-out heads know the class. */
  macroLogLoss: number;
  /** Of the same answers, 0..1. */
  macroF1: number;
}

/**
 * Tries every recipe that the budget allows and keeps the one with the smallest class-balanced
 * leave-group-out log-loss after its own temperature. Ridge is cheap and tries every transform;
 * softmax only the best of those and none at all. On a tie the earlier one is kept.
 *
 * @param onCandidate Called after each fit with how many are done of how many.
 */
export async function chooseRecipe(
  set: TrainingSet,
  learners: readonly LearnerName[],
  onCandidate: (done: number, total: number) => void,
): Promise<{ chosen: FittedRecipe; table: TrainingCandidate[] }> {
  const ridge = learners.includes('ridge') ? TRANSFORMS : [];
  // With ridge: the best transform, and none; the same thing when none is the best.
  const softmaxCount = learners.includes('softmax') ? 2 : 0;
  const total = ridge.length + softmaxCount + (learners.includes('tf-layers') ? 1 : 0);
  const table: TrainingCandidate[] = [];
  let best: FittedRecipe | null = null;
  const tried = async (learner: LearnerName, transform: FeatureTransform): Promise<void> => {
    const startedAt = performance.now();
    const recipe =
      learner === 'tf-layers'
        ? assess(set, learner, await fitTfLayers(set, { transform }))
        : fitRecipe(set, learner, transform);
    const durationMs = performance.now() - startedAt;
    if (!best || recipe.macroLogLoss < best.macroLogLoss) best = recipe;
    table.push(entry(recipe, durationMs));
    onCandidate(table.length, total);
    // A fit blocks this process; in between it hears that its parent is gone.
    await nextTurn();
  };
  for (const transform of ridge) await tried('ridge', transform);
  if (softmaxCount > 0) {
    const shown = (best as FittedRecipe | null)?.fit.transform;
    const transforms = shown ? [shown, 'none' as const] : TRANSFORMS_WITHOUT_RIDGE;
    for (const transform of new Set(transforms)) await tried('softmax', transform);
  }
  if (learners.includes('tf-layers')) {
    await tried('tf-layers', (best as FittedRecipe | null)?.fit.transform ?? 'sqrt-l2');
  }
  onCandidate(total, total);
  const chosen = best as FittedRecipe | null;
  if (!chosen) throw new RangeError('no learner');
  for (const row of table) {
    row.chosen = row.learner === chosen.learner && row.transform === chosen.fit.transform;
  }
  return { chosen, table };
}

/** Fits one recipe; with `lambda` exactly that one, else the best on the learner's own grid. */
export function fitRecipe(
  set: TrainingSet,
  learner: Learner,
  transform: FeatureTransform,
  lambda?: number,
): FittedRecipe {
  const options = { transform, ...(lambda === undefined ? {} : { lambdas: [lambda] }) };
  return assess(
    set,
    learner,
    learner === 'ridge' ? fitRidge(set, options) : fitSoftmax(set, options),
  );
}

/** Gives a fit its temperature and its figures, both from the leave-group-out logits. */
export function assess(set: TrainingSet, learner: LearnerName, fit: LinearFit): FittedRecipe {
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
    temperature,
    leaveGroupOutProbabilities: probabilities,
    macroLogLoss: scores.logLoss,
    macroF1: scores.macroF1,
  };
}

/** The answer in each row of an n x C matrix of logits or probabilities, as a class index. */
export function answersOf(matrix: Float64Array, classCount: number): number[] {
  return Array.from({ length: matrix.length / classCount }, (_, row) =>
    indexOfLargest(matrix, row * classCount, classCount),
  );
}

function entry(recipe: FittedRecipe, durationMs: number): TrainingCandidate {
  const { learner, fit, temperature, macroLogLoss, macroF1 } = recipe;
  const { transform, lambda } = fit;
  return {
    ...{ learner, transform, lambda, temperature, macroLogLoss, macroF1, durationMs },
    chosen: false,
  };
}
