import type { Embedder } from '../../backbone/embedder.js';
import { isHeadlandError } from '../../base/errors.js';
import { fitRidge } from '../../head/learners/ridge.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import type { SampleStore } from '../../samples/store.js';
import { type LabelledSample, readLabelled } from '../../training/data/collect.js';
import { spread } from './quantize-pictures.js';

/** Leave-group-out accuracy of the same learner on the features of two precisions, 0..1. */
export interface AccuracyComparison {
  /** Name of the task whose labels are used. */
  task: string;
  samples: number;
  classes: number;
  fp32: number;
  int8: number;
  /** fp32 - int8; below 0: 8 bits are more accurate. */
  loss: number;
  /** Standard error of the loss, from the samples on which the two differ. */
  standardError: number;
}

export interface AccuracyOptions {
  store: SampleStore;
  fp32: Embedder;
  int8: Embedder;
  maxLabelled: number;
  onStep: (done: number, total: number) => void;
}

/**
 * Compares what a head can learn from the features of either precision: ridge regression, with each
 * group of samples judged by a head that never saw it. Null where labels and groups are too few: it
 * needs two classes with two groups each. The holdout is not used.
 */
export async function compareAccuracy(
  options: AccuracyOptions,
): Promise<AccuracyComparison | null> {
  const { store, fp32, int8, onStep } = options;
  const chosen = spread(
    comparable(readLabelled(store).filter(({ holdout }) => !holdout)),
    options.maxLabelled,
  );
  const samples: LabelledSample[] = [];
  const features: Record<'fp32' | 'int8', Float32Array[]> = { fp32: [], int8: [] };
  for (const [i, sample] of chosen.entries()) {
    const picture = store.picture(sample.id);
    if (picture) {
      try {
        const first = await fp32.embedPicture(picture);
        features.int8.push(await int8.backbone.embed(first.image));
        features.fp32.push(first.features);
        samples.push(sample);
      } catch (error) {
        if (!isHeadlandError(error) || !error.code.startsWith('HL_PICTURE_')) throw error;
      }
    }
    onStep(i + 1, chosen.length);
  }
  const labels = [...new Set(comparable(samples).map(({ label }) => label))].sort();
  if (labels.length < 2) return null;
  const right = {
    fp32: rightAnswers(samples, labels, features.fp32),
    int8: rightAnswers(samples, labels, features.int8),
  };
  const count = right.fp32.length;
  const accuracy = (answers: boolean[]) => answers.filter(Boolean).length / count;
  const differing = right.fp32.filter((answer, i) => answer !== right.int8[i]).length;
  const [before, after] = [accuracy(right.fp32), accuracy(right.int8)];
  const loss = before - after;
  return {
    task: store.task,
    samples: count,
    classes: labels.length,
    fp32: before,
    int8: after,
    loss,
    // At least one answer: equal answers to few samples do not prove that all are equal.
    standardError: Math.max(
      1 / count,
      Math.sqrt(Math.max(0, differing / count - loss ** 2) / count),
    ),
  };
}

/** Samples of classes with two groups or more: only these can be judged. */
function comparable(samples: readonly LabelledSample[]): LabelledSample[] {
  const groups = new Map<string, Set<string>>();
  for (const { label, group } of samples) {
    groups.set(label, (groups.get(label) ?? new Set()).add(group));
  }
  return samples.filter(({ label }) => (groups.get(label)?.size ?? 0) > 1);
}

/** For each judged sample, whether the heads that never saw its group are right. */
function rightAnswers(
  samples: readonly LabelledSample[],
  labels: readonly string[],
  features: readonly Float32Array[],
): boolean[] {
  const kept = samples.flatMap(({ label }, i) => (labels.includes(label) ? [i] : []));
  const groups = [...new Set(kept.map((i) => (samples[i] as LabelledSample).group))];
  const featureSize = features[0]?.length ?? 0;
  const rows = new Float32Array(kept.length * featureSize);
  for (const [row, i] of kept.entries()) rows.set(features[i] as Float32Array, row * featureSize);
  const set: TrainingSet = {
    features: rows,
    rows: kept.length,
    featureSize,
    classCount: labels.length,
    labels: Int32Array.from(kept, (i) => labels.indexOf((samples[i] as LabelledSample).label)),
    groups: Int32Array.from(kept, (i) => groups.indexOf((samples[i] as LabelledSample).group)),
    isView: new Uint8Array(kept.length),
  };
  const { leaveGroupOutLogits } = fitRidge(set, { transform: 'sqrt-l2' });
  const { judged } = judgedRows(set, groupingOf(set));
  return Array.from(judged, (row) => {
    const own = leaveGroupOutLogits.subarray(row * labels.length, (row + 1) * labels.length);
    return own.indexOf(Math.max(...own)) === set.labels[row];
  });
}
