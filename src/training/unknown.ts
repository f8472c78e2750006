import { fitSetProbability } from '../head/conformal.js';
import type { Head } from '../head/head.js';
import { fitNovelty } from '../head/novelty-fit.js';
import { groupingOf, judgedRows, type TrainingSet } from '../head/train.js';
import type { SampleStore } from '../samples/store.js';
import type { FittedRecipe } from './recipes.js';

/** The newest waiting samples that take part in the background. */
const BACKGROUND_SAMPLES = 1_000;
/** Of the prediction sets. */
const COVERAGE = 0.9;

/**
 * What a head needs to say "unknown" and to name the labels that come into question: the novelty
 * model, its background widened by frames that wait for a label, and the bound of the prediction
 * sets, from the leave-group-out answers.
 */
export function fitUnknown(
  set: TrainingSet,
  recipe: FittedRecipe,
  unlabelled: Float32Array,
): Required<Pick<Head, 'novelty' | 'setProbability'>> {
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const { classCount } = set;
  const probabilities = new Float64Array(judged.length * classCount);
  for (const [i, row] of judged.entries()) {
    const from = row * classCount;
    probabilities.set(
      recipe.leaveGroupOutProbabilities.subarray(from, from + classCount),
      i * classCount,
    );
  }
  const truth = judged.map((row) => labels[row]!);
  return {
    novelty: fitNovelty(set, unlabelled),
    setProbability: fitSetProbability(probabilities, truth, classCount, COVERAGE),
  };
}

/** Features of the newest frames that wait for a label, outside the exam: n x featureSize. */
export function waitingFeatures(
  store: SampleStore,
  key: string,
  featureSize: number,
): Float32Array {
  const waiting = store.list({
    ...{ labelled: false, exam: false },
    ...{ order: 'newest' as const, limit: BACKGROUND_SAMPLES },
  });
  const found = store.features(
    waiting.map((sample) => sample.id),
    key,
    '',
    0,
  );
  const rows = waiting.flatMap(({ id }) => found.get(id)?.[0] ?? []);
  const features = new Float32Array(rows.length * featureSize);
  for (const [i, row] of rows.entries()) features.set(row, i * featureSize);
  return features;
}
