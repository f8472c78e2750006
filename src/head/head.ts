import type { NoveltyModel } from './unknown/novelty-model.js';

/** Feature pre-processing that belongs to a head; applied before the linear layer. */
export type FeatureTransform = 'none' | 'l2' | 'sqrt' | 'sqrt-l2';

/** `blend`: the mean of a ridge and a softmax, each calibrated. */
export type LearnerName = 'ridge' | 'softmax' | 'blend' | 'tf-layers';

/** Left-out answers that a head keeps at most. */
export const MAX_LEFT_OUT_CONFIDENCES = 4_096;

/**
 * The trained classification head: logits = weights · transform(features) + bias, plus
 * `gaussianScale` times the log-densities of the class Gaussians; probabilities =
 * softmax(logits / temperature).
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
  /**
   * Factor on the log-densities of the class Gaussians of `novelty` in the logits, > 0; absent: the
   * linear layer answers alone. What does not depend on the features stands in `bias`.
   */
  gaussianScale?: number;
  /**
   * One value per left-out answer: the probability of the label that was answered, negative where it
   * was wrong. Ascending, at most {@link MAX_LEFT_OUT_CONFIDENCES}; absent in older heads.
   */
  leftOutConfidences?: Float32Array;
}
