import { headAnswers } from '../../gate/scorecard.js';
import type { Head } from '../../head/head.js';
import { mixWithPrior, type Prior } from '../../head/serving/prior.js';
import { groupingOf, judgedRows } from '../../head/training-set.js';
import { type JudgedAnswer, judgeTrust, type Trust } from '../../head/trust.js';
import { fitNovelty } from '../../head/unknown/novelty-fit.js';
import { fitRecipe } from '../fit/recipes.js';
import { leftOutAnswers } from '../verdict/unknown-threshold.js';
import { type ClusteredSet, clusteredSet, type LabelledFeatures } from './clustered-set.js';

/**
 * Labels of the smallest class at which half of the probability is prior; chosen by `bench --
 * instant`.
 */
const PRIOR_LABELS = 0.25;
/** Limits that take a second on a small board. */
export const NOVELTY_OPTIONS = { maxRows: 200, folds: 5 };

/** A head for the first labels: one recipe in closed form, without a search. */
export function fitBeginner(
  samples: readonly LabelledFeatures[],
  backboneChecksum: string,
): { head: Head; prior: Prior; trust: Trust } {
  const labels = [...new Set(samples.map((sample) => sample.label))].sort();
  const set = spreadOut(trainingSet(samples, labels));
  const { fit, temperature, leaveGroupOutProbabilities } = fitRecipe(set, 'ridge', 'sqrt-l2');
  const { clusters } = set;
  // Near-duplicates are one piece of evidence.
  const different = samples.filter((_, row) => clusters[row] === row);
  const counts = labels.map((label) => different.filter((s) => s.label === label).length);
  const truth = samples.map((sample) => sample.label);
  const answers = headAnswers(leaveGroupOutProbabilities, labels, truth);
  const { judged } = judgedRows(set, groupingOf(set));
  const judgedAnswers = [...judged].map((row): JudgedAnswer => {
    const { label, group } = samples[row]!;
    return { label, group, right: answers[row]!.label === label };
  });
  const prior = {
    share: PRIOR_LABELS / (Math.min(...counts) + PRIOR_LABELS),
    frequencies: counts.map((count) => count / different.length),
  };
  const mixed = leaveGroupOutProbabilities.slice();
  mixWithPrior(prior, mixed);
  return {
    head: {
      learner: 'ridge',
      labels,
      featureSize: set.featureSize,
      backboneChecksum,
      transform: fit.transform,
      weights: fit.weights,
      bias: fit.bias,
      temperature,
      novelty: fitNovelty(set, undefined, NOVELTY_OPTIONS),
      leftOutConfidences: leftOutAnswers(set, mixed).leftOutConfidences,
    },
    prior,
    trust: judgeTrust(labels, judgedAnswers),
  };
}

function trainingSet(
  samples: readonly LabelledFeatures[],
  labels: readonly string[],
): ClusteredSet {
  const set = clusteredSet(samples, labels, samples[0]!.features.length);
  return { ...set, samples: Int32Array.from(samples, (_, i) => i) };
}

/**
 * The set for the fit. While fewer than two classes have two groups, no left-out head knows the
 * class of its group, and the scale of the logits would come from errors alone; then samples are left
 * out one by one, near-duplicates together.
 */
function spreadOut(set: ClusteredSet): ClusteredSet {
  const { singleGroupClasses } = judgedRows(set, groupingOf(set));
  if (set.classCount - singleGroupClasses.length >= 2) return set;
  return { ...set, groups: set.clusters.slice() };
}
