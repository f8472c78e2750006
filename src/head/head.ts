import type { NoveltyModel } from './novelty-model.js';

/** Feature pre-processing that belongs to a head; applied before the linear layer. */
export type FeatureTransform = 'none' | 'l2' | 'sqrt' | 'sqrt-l2';

/** `blend`: the mean of a ridge and a softmax, each calibrated. */
export type LearnerName = 'ridge' | 'softmax' | 'blend' | 'tf-layers';

/**
 * The trained classification head: logits = weights · transform(features) + bias,
 * probabilities = softmax(logits / temperature).
 */
export interface Head {
  learner: LearnerName;
  /** Class names; index = row of `weights`. Sorted, unique, at least two. */
  labels: readonly string[];
  /** Length d of the embedding. */
  featureSize: number;
  /** Checksum of the backbone whose features it was trained on. */
  backboneChecksum: string;
  transform: FeatureTransform;
  /** C x d, row-major. */
  weights: Float32Array;
  /** C. */
  bias: Float32Array;
  /** > 0; divides the logits. 1 = uncalibrated. */
  temperature: number;
  /** Tells what is none of the classes; absent in heads from before there was one. */
  novelty?: NoveltyModel;
  /** Labels at least so probable make up the 90 % prediction set, 0..1; absent as above. */
  setProbability?: number;
}
