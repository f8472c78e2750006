import { HeadlandError } from '../../base/errors.js';
import { clusterNearDuplicates } from '../../head/clusters.js';
import type { TrainingSet } from '../../head/training-set.js';
import type { SampleStore } from '../../samples/store.js';
import type { LabelledSample } from './collect.js';

/** Vectors on the heap at once while a matrix is filled. */
const CHUNK_SAMPLES = 256;

export interface FeatureKey {
  /** `Embedder.checksum`, the key of the features in the store. */
  key: string;
  recipe: string;
  views: number;
  featureSize: number;
}

/**
 * Augmented views of each sample whose features fit into `maxBytes` beside the originals, at most `views`.
 * @param featureSize floats of one vector
 */
export function viewsThatFit(
  samples: number,
  { views, featureSize, maxBytes }: { views: number; featureSize: number; maxBytes: number },
): number {
  const bytesOfAView = samples * featureSize * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(0, Math.min(views, Math.floor(maxBytes / bytesOfAView) - 1));
}

/** Features of the original of each sample; null where they are not cached. */
export function originals(
  store: SampleStore,
  samples: readonly LabelledSample[],
  key: string,
): (Float32Array | null)[] {
  const found = store.features(ids(samples), key, '', 0);
  return samples.map((sample) => found.get(sample.id)?.[0] ?? null);
}

/**
 * Features of the original of each sample, all of which must be cached.
 *
 * @throws HeadlandError HL_TRAINING_SAMPLE_GONE
 */
export function presentOriginals(
  store: SampleStore,
  samples: readonly LabelledSample[],
  key: string,
): Float32Array[] {
  return originals(store, samples, key).map(
    (original, i) => original ?? gone(samples[i] as LabelledSample),
  );
}

/**
 * By sample, whether it is the first of its near-duplicates: evidence counts these once.
 * @param features originals, in the order of `samples`
 */
export function firstsOfClusters(
  samples: readonly LabelledSample[],
  features: readonly Float32Array[],
): boolean[] {
  const featureSize = features[0]?.length ?? 0;
  const all = new Float32Array(samples.length * featureSize);
  features.forEach((vector, i) => {
    all.set(vector, i * featureSize);
  });
  const labels = samples.map((sample) => sample.label);
  const groups = samples.map((sample) => sample.group);
  const clusters = clusterNearDuplicates(all, featureSize, labels, groups);
  return Array.from(clusters, (cluster, i) => cluster === i);
}

/**
 * The training rows of a head: first the originals in the order of `samples`, then every cached
 * view, with the label, the group and the near-duplicates of its sample.
 *
 * @param samples Samples whose originals are in the store.
 * @throws HeadlandError HL_TRAINING_SAMPLE_GONE
 */
export function assemble(
  store: SampleStore,
  samples: readonly LabelledSample[],
  labels: readonly string[],
  { key, recipe, views, featureSize }: FeatureKey,
): TrainingSet {
  const classOf = new Map(labels.map((label, i) => [label, i]));
  const groupOf = new Map([...new Set(samples.map((s) => s.group))].map((group, i) => [group, i]));
  const capacity = samples.length * (1 + views);
  const features = new Float32Array(capacity * featureSize);
  const set = {
    labels: new Int32Array(capacity),
    groups: new Int32Array(capacity),
    isView: new Uint8Array(capacity),
    samples: new Int32Array(capacity),
  };
  const put = (row: number, parent: number, vector: Float32Array, isView: 0 | 1): void => {
    const sample = samples[parent] as LabelledSample;
    features.set(vector, row * featureSize);
    set.samples[row] = parent;
    set.labels[row] = classOf.get(sample.label) as number;
    set.groups[row] = groupOf.get(sample.group) as number;
    set.isView[row] = isView;
  };
  let rows = samples.length;
  for (let start = 0; start < samples.length; start += CHUNK_SAMPLES) {
    const chunk = samples.slice(start, start + CHUNK_SAMPLES);
    const found = store.features(ids(chunk), key, recipe, views);
    chunk.forEach((sample, i) => {
      const [original, ...others] = found.get(sample.id) ?? [];
      put(start + i, start + i, original ?? gone(sample), 0);
      for (const view of others) if (view) put(rows++, start + i, view, 1);
    });
  }
  const parents = set.samples.subarray(0, rows);
  const clusterOf = clusterNearDuplicates(
    features,
    featureSize,
    set.labels.subarray(0, samples.length),
    set.groups,
  );
  return {
    features: features.subarray(0, rows * featureSize),
    rows,
    featureSize,
    labels: set.labels.subarray(0, rows),
    groups: set.groups.subarray(0, rows),
    isView: set.isView.subarray(0, rows),
    samples: parents,
    clusters: parents.map((parent) => clusterOf[parent]!),
    classCount: labels.length,
  };
}

function gone({ id }: LabelledSample): never {
  throw new HeadlandError('HL_TRAINING_SAMPLE_GONE', `sample ${id} was removed during training`, {
    remedy: 'Train again (`headland train`): it goes on with the features that are kept.',
    details: { id },
  });
}

function ids(samples: readonly LabelledSample[]): string[] {
  return samples.map((sample) => sample.id);
}
