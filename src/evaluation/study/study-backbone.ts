import { setImmediate as nextTurn } from 'node:timers/promises';
import { headProbabilities } from '../../head/score.js';
import type { TrainingSet } from '../../head/training-set.js';
import { type FitEngine, searchRecipes } from '../../training/fit/search.js';
import type { Split, StudyFolds } from './study-split.js';

export interface StudyBackbone {
  name: string;
  featureSize: number;
  /** Features of photo i: view 0 is the original, others are augmented. */
  embed: (index: number, view: number) => Promise<Float32Array>;
}

/** Features of all photos: row `photo * (1 + views) + view`, view 0 is the original. */
export interface StudyFeatures {
  values: Float32Array;
  featureSize: number;
  views: number;
}

/** @returns null when `isOver` became true first */
export async function embedPhotos(
  backbone: StudyBackbone,
  photos: number,
  views: number,
  isOver: () => boolean,
  onPass: () => void,
): Promise<StudyFeatures | null> {
  const { featureSize } = backbone;
  const values = new Float32Array(photos * (1 + views) * featureSize);
  for (let row = 0; row < photos * (1 + views); row++) {
    if (isOver()) return null;
    const [photo, view] = [Math.floor(row / (1 + views)), row % (1 + views)];
    values.set(await backbone.embed(photo, view), row * featureSize);
    onPass();
    await nextTurn();
  }
  return { values, featureSize, views };
}

/**
 * A ridge head on the training photos of a fold and their views, chosen by leave-group-out among
 * them.
 *
 * @returns n x C probabilities of the held-out and of the training photos, originals; null when the
 *   signal was aborted first
 */
export async function fitHead(
  features: StudyFeatures,
  folds: StudyFolds,
  { training, heldOut }: Split,
  engine: FitEngine,
  signal: AbortSignal | undefined,
): Promise<{ heldOut: Float64Array; training: Float64Array } | null> {
  const { featureSize, views } = features;
  const rows = [
    ...training.map((photo) => ({ photo, view: 0 })),
    ...training.flatMap((photo) =>
      Array.from({ length: views }, (_, v) => ({ photo, view: v + 1 })),
    ),
  ];
  const set: TrainingSet = {
    features: pick(features, rows),
    rows: rows.length,
    featureSize,
    labels: Int32Array.from(rows, ({ photo }) => folds.classes[photo]!),
    groups: Int32Array.from(rows, ({ photo }) => folds.groups[photo]!),
    isView: Uint8Array.from(rows, ({ view }) => (view === 0 ? 0 : 1)),
    classCount: folds.labels.length,
  };
  const fitted = await searchRecipes(set, {
    learners: ['ridge'],
    budgetMs: Number.POSITIVE_INFINITY,
    engine,
    onCandidate: () => signal?.throwIfAborted(),
  }).catch((error: unknown) => {
    if (signal?.aborted) return null;
    throw error;
  });
  if (!fitted) return null;
  const { chosen } = fitted;
  const head = {
    ...chosen.fit,
    learner: chosen.learner,
    labels: folds.labels,
    featureSize,
    backboneChecksum: '',
    temperature: chosen.temperature,
  };
  const answers = (photos: readonly number[]) =>
    headProbabilities(
      head,
      pick(
        features,
        photos.map((photo) => ({ photo, view: 0 })),
      ),
    );
  return { heldOut: answers(heldOut), training: answers(training) };
}

function pick(
  { values, featureSize: d, views }: StudyFeatures,
  rows: readonly { photo: number; view: number }[],
): Float32Array {
  const picked = new Float32Array(rows.length * d);
  rows.forEach(({ photo, view }, i) => {
    const from = (photo * (1 + views) + view) * d;
    picked.set(values.subarray(from, from + d), i * d);
  });
  return picked;
}
