import { type HeadAnswer, headAnswers } from '../../gate/scorecard.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import { fitClassGaussians } from '../../head/unknown/novelty-fit.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { LabelledSample } from '../data/collect.js';
import { type Learner, withGaussians, withViews } from '../fit/recipes.js';
import { type FitEngine, fitRecipeWith } from '../fit/search.js';

/** The part of a sample that is needed. */
type LearntSample = Pick<LabelledSample, 'id' | 'label' | 'group'>;

/**
 * Fits the recipe of a head again to the samples of the groups that it has learnt, and answers each
 * of them without its group. With these answers a head can be compared on samples that it knows by
 * heart.
 *
 * @param set Originals first, in the order of `samples`, then views; of the head's own features. Of
 *   each sample as many views are used as the head learnt from.
 * @returns By sample id, without classes of a single group; empty when fewer than two classes or
 *   groups remain of what the head learnt.
 */
export async function answersOfRecipe(
  engine: FitEngine,
  { head, card, trainingGroups }: StoredHead,
  set: TrainingSet,
  samples: readonly LearntSample[],
): Promise<Map<string, HeadAnswer>> {
  const groups = new Set(trainingGroups);
  const known = new Set(head.labels);
  const learnt = [...samples.keys()].filter((row) => {
    const { group, label } = samples[row]!;
    return groups.has(group) && known.has(label);
  });
  const labels = [...new Set(learnt.map((row) => samples[row]!.label))].sort();
  if (labels.length < 2 || new Set(learnt.map((row) => set.groups[row])).size < 2) return new Map();
  const { learner, transform, lambda } = card;
  const subset = subsetOf(withViews(set, card.augmentation.views), samples, learnt, labels);
  const linear = await fitRecipeWith(engine, subset, learner as Learner, transform, lambda);
  const fitted =
    head.gaussianScale === undefined
      ? linear
      : withGaussians(subset, linear, fitClassGaussians(subset));
  const truth = learnt.map((row) => samples[row]!.label);
  const answers = headAnswers(fitted.leaveGroupOutProbabilities, labels, truth);
  const { judged } = judgedRows(subset, groupingOf(subset));
  return new Map([...judged].map((i) => [samples[learnt[i]!]!.id, answers[i]!]));
}

/** The learnt originals, and the views of their groups and classes. */
function subsetOf(
  set: TrainingSet,
  samples: readonly LearntSample[],
  learnt: readonly number[],
  labels: readonly string[],
): TrainingSet {
  const classOf = new Map(
    learnt.map((row) => [set.labels[row], labels.indexOf(samples[row]!.label)]),
  );
  const groups = new Set(learnt.map((row) => set.groups[row]));
  const rows = [...learnt];
  for (let row = samples.length; row < set.rows; row++) {
    if (groups.has(set.groups[row]) && classOf.has(set.labels[row])) rows.push(row);
  }
  const d = set.featureSize;
  const features = new Float32Array(rows.length * d);
  rows.forEach((row, i) => {
    features.set(set.features.subarray(row * d, (row + 1) * d), i * d);
  });
  return {
    features,
    rows: rows.length,
    featureSize: d,
    classCount: labels.length,
    labels: Int32Array.from(rows, (row) => classOf.get(set.labels[row])!),
    groups: Int32Array.from(rows, (row) => set.groups[row]!),
    isView: Uint8Array.from(rows, (row) => set.isView[row]!),
    ...(set.samples && { samples: Int32Array.from(rows, (row) => set.samples![row]!) }),
    ...(set.clusters && { clusters: Int32Array.from(rows, (row) => set.clusters![row]!) }),
  };
}
