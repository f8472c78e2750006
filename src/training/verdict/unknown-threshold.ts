import { type Head, MAX_LEFT_OUT_CONFIDENCES } from '../../head/head.js';
import { pickRows } from '../../head/learners/select.js';
import { indexOfLargest } from '../../head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import { fitSetProbability } from '../../head/unknown/conformal.js';
import type { SampleStore } from '../../samples/store.js';

/** Most waiting samples, the newest, that are part of the background. */
const BACKGROUND_SAMPLES = 1_000;
/** Coverage of the prediction sets. */
const COVERAGE = 0.9;

/** The left-out answers of a recipe that a head keeps. */
export type LeftOutAnswers = Required<Pick<Head, 'setProbability' | 'leftOutConfidences'>>;

/**
 * The left-out answers that a head keeps: the bound of the prediction sets, and its confidences
 * with whether they were right.
 * @param leaveGroupOutProbabilities n0 x classCount: see `FittedRecipe`.
 */
export function leftOutAnswers(
  set: TrainingSet,
  leaveGroupOutProbabilities: Float64Array,
): LeftOutAnswers {
  const { labels, judged } = judgedRows(set, groupingOf(set));
  const { classCount } = set;
  const probabilities = pickRows(leaveGroupOutProbabilities, classCount, judged);
  const truth = judged.map((row) => labels[row]!);
  const confidences = Float32Array.from(truth, (label, i) => {
    const best = indexOfLargest(probabilities, i * classCount, classCount);
    const p = probabilities[i * classCount + best]!;
    return best === label ? p : -p;
  }).sort();
  return {
    setProbability: fitSetProbability(probabilities, truth, classCount, COVERAGE),
    leftOutConfidences: thinned(confidences),
  };
}

/** At most {@link MAX_LEFT_OUT_CONFIDENCES}, evenly spaced. */
function thinned(values: Float32Array): Float32Array {
  const length = Math.min(values.length, MAX_LEFT_OUT_CONFIDENCES);
  return Float32Array.from({ length }, (_, i) => values[Math.floor((i * values.length) / length)]!);
}

/** Features of the newest frames that wait for a label, outside the holdout: n x featureSize. */
export function waitingFeatures(
  store: SampleStore,
  key: string,
  featureSize: number,
): Float32Array {
  const waiting = store.list({
    labelled: false,
    holdout: false,
    order: 'newest' as const,
    limit: BACKGROUND_SAMPLES,
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
