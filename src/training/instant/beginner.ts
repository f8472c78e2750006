import { headAnswers } from '../../gate/scorecard.js';
import { clusterNearDuplicates } from '../../head/clusters.js';
import type { Head } from '../../head/head.js';
import { mixWithPrior, type Prior } from '../../head/prior.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import { type JudgedAnswer, judgeTrust, type Trust } from '../../head/trust.js';
import { fitNovelty } from '../../head/unknown/novelty-fit.js';
import { fitRecipe } from '../fit/recipes.js';
import { leftOutAnswers } from '../verdict/unknown-threshold.js';

/**
 * Labels of the smallest class at which half of the probability is prior; chosen by `bench --
 * instant`.
 */
const PRIOR_LABELS = 0.25;
/** Limits that take a second on a small board. */
export const NOVELTY_OPTIONS = { maxRows: 200, folds: 5 };

export interface BeginnerSample {
  label: string;
  group: string;
  features: Float32Array;
}

/** A head for the first labels: one recipe in closed form, without a search. */
export function fitBeginner(
  samples: readonly BeginnerSample[],
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

type ClusteredSet = TrainingSet & { clusters: Int32Array };

function trainingSet(samples: readonly BeginnerSample[], labels: readonly string[]): ClusteredSet {
  const featureSize = samples[0]!.features.length;
  const features = new Float32Array(samples.length * featureSize);
  for (const [i, sample] of samples.entries()) features.set(sample.features, i * featureSize);
  const groupNames = [...new Set(samples.map((sample) => sample.group))];
  const classes = Int32Array.from(samples, (sample) => labels.indexOf(sample.label));
  const groups = Int32Array.from(samples, (sample) => groupNames.indexOf(sample.group));
  return {
    features,
    featureSize,
    rows: samples.length,
    classCount: labels.length,
    labels: classes,
    groups,
    isView: new Uint8Array(samples.length),
    samples: Int32Array.from(samples, (_, i) => i),
    clusters: clusterNearDuplicates(features, featureSize, classes, groups),
  };
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
