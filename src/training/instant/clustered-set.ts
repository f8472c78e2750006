import { clusterNearDuplicates } from '../../head/clusters.js';
import type { TrainingSet } from '../../head/training-set.js';

/** The features of a picture as captured, with its label. */
export interface LabelledFeatures {
  label: string;
  group: string;
  features: Float32Array;
}

export type ClusteredSet = TrainingSet & { clusters: Int32Array };

/**
 * The training set of pictures without views, with their near-duplicates.
 * @param labels the classes, in their order; each label of a row is one of them
 */
export function clusteredSet(
  rows: readonly LabelledFeatures[],
  labels: readonly string[],
  featureSize: number,
): ClusteredSet {
  const features = new Float32Array(rows.length * featureSize);
  for (const [i, row] of rows.entries()) features.set(row.features, i * featureSize);
  const groupNames = [...new Set(rows.map(({ group }) => group))];
  const classes = Int32Array.from(rows, ({ label }) => labels.indexOf(label));
  const groups = Int32Array.from(rows, ({ group }) => groupNames.indexOf(group));
  return {
    features,
    featureSize,
    rows: rows.length,
    classCount: labels.length,
    labels: classes,
    groups,
    isView: new Uint8Array(rows.length),
    clusters: clusterNearDuplicates(features, featureSize, classes, groups),
  };
}
