import type { FeatureTransform } from '../head.js';
import type { TrainingSet } from '../training-set.js';
import { transformFeatures } from '../transform.js';

/** Centred and scaled rows: x = (transformed - mean) · factor. */
export interface Standardised {
  /** rows x featureSize, row-major, in the given order. */
  x: Float32Array;
  mean: Float64Array;
  /** 1 / root of the mean variance; 1 when no feature varies. */
  factor: number;
}

/**
 * Transforms rows of a set, moves every feature to weighted mean 0 and scales all together to mean
 * variance 1. There is one factor for all features: those of a pretrained backbone that hardly vary
 * carry little, and scaling each to deviation 1 costs about 1 to 2 points of macro-F1 in another
 * place on the grocery photos (bench/results/accuracy.md).
 */
export function standardise(
  set: TrainingSet,
  order: Int32Array,
  weights: Float64Array,
  transform: FeatureTransform,
): Standardised {
  const d = set.featureSize;
  const x = new Float32Array(order.length * d);
  const mean = new Float64Array(d);
  const total = weights.reduce((sum, w) => sum + w, 0);
  for (let i = 0; i < order.length; i++) {
    const from = order[i]! * d;
    const row = transformFeatures(set.features.subarray(from, from + d), d, transform);
    x.set(row, i * d);
    for (let j = 0; j < d; j++) mean[j] = mean[j]! + (weights[i]! / total) * row[j]!;
  }
  let variance = 0;
  let size = 0;
  for (let i = 0; i < order.length; i++) {
    let squares = 0;
    for (let j = 0; j < d; j++) {
      const centred = x[i * d + j]! - mean[j]!;
      squares += centred * centred;
    }
    variance += ((weights[i]! / total) * squares) / d;
  }
  for (let j = 0; j < d; j++) size += mean[j]! ** 2 / d;
  // A deviation at the level of Float32 rounding is noise; scaling it to 1 would amplify it.
  const deviation = Math.sqrt(variance);
  const factor = deviation > 1e-6 * Math.sqrt(size) ? 1 / deviation : 1;
  for (let i = 0; i < order.length; i++) {
    for (let j = 0; j < d; j++) x[i * d + j] = (x[i * d + j]! - mean[j]!) * factor;
  }
  return { x, mean, factor };
}
