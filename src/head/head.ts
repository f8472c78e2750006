import type { NoveltyModel } from './unknown/novelty-model.js';

/** Transform of the features before the linear layer; part of the head. */
export type FeatureTransform = 'none' | 'l2' | 'sqrt' | 'sqrt-l2';

/** `blend`: the mean of a ridge and a softmax, each calibrated. */
export type LearnerName = 'ridge' | 'softmax' | 'blend' | 'tf-layers';

/** Most left-out answers that a head keeps. */
export const MAX_LEFT_OUT_CONFIDENCES = 4_096;

/**
 * The trained classification head: logits = weights · transform(features) + bias, plus
 * `gaussianScale` times the log-densities of the class Gaussians; probabilities =
 * softmax(logits / temperature).
 */
export interface Head {
  learner: LearnerName;
  /** Class names; index = row of `weights`, unless `labelOfRow` says otherwise. Sorted, unique, at least two. */
  labels: readonly string[];
  /**
   * Index in `labels` of each row of `weights`, of a head whose classes got other names since its
   * training; never stored. Rows of the same label are answered as one.
   */
  labelOfRow?: Int32Array;
  /** Length d of the embedding. */
  featureSize: number;
  /** Checksum of the backbone whose features the head was trained on. */
  backboneChecksum: string;
  transform: FeatureTransform;
  /** C x d, row-major. */
  weights: Float32Array;
  /** C. */
  bias: Float32Array;
  /** > 0; divides the logits. 1 = uncalibrated. */
  temperature: number;
  /** Detects what is none of the classes; absent in heads of early versions. */
  novelty?: NoveltyModel;
  /** Least probability of a label in the 90 % prediction set, 0..1; absent as above. */
  setProbability?: number;
  /**
   * Factor on the log-densities of the class Gaussians of `novelty` in the logits, > 0. Absent: the
   * linear layer answers alone. `bias` contains what does not depend on the features.
   */
  gaussianScale?: number;
  /**
   * One value per left-out answer: the probability of the answered label, negative when the answer
   * was wrong. Ascending, at most {@link MAX_LEFT_OUT_CONFIDENCES}; absent in older heads.
   */
  leftOutConfidences?: Float32Array;
}
