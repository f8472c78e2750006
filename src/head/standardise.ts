import type { FeatureTransform } from './head.js';
import type { TrainingSet } from './train.js';
import { transformFeatures } from './transform.js';

/** Standardised rows: x = (transformed - mean) · factor. */
export interface Standardised {
  /** rows x featureSize, row-major, in the order asked for. */
  x: Float32Array;
  mean: Float64Array;
  /** 1 / standard deviation; 1 for a feature that never changes. */
  factor: Float64Array;
}

/** Transforms rows of a set and brings every feature to weighted mean 0 and deviation 1. */
export function standardise(
  set: TrainingSet,
  order: Int32Array,
  weights: Float64Array,
  transform: FeatureTransform,
): Standardised {
  const d = set.featureSize;
  const x = new Float32Array(order.length * d);
  const mean = new Float64Array(d);
  const square = new Float64Array(d);
  const total = weights.reduce((sum, w) => sum + w, 0);
  for (let i = 0; i < order.length; i++) {
    const from = order[i]! * d;
    const row = transformFeatures(set.features.subarray(from, from + d), d, transform);
    x.set(row, i * d);
    for (let j = 0; j < d; j++) mean[j] = mean[j]! + (weights[i]! / total) * row[j]!;
  }
  for (let i = 0; i < order.length; i++) {
    for (let j = 0; j < d; j++) {
      const centred = x[i * d + j]! - mean[j]!;
      square[j] = square[j]! + (weights[i]! / total) * centred * centred;
    }
  }
  // A deviation at the level of Float32 rounding is noise that must not be blown up to 1.
  const factor = square.map((variance, j) => {
    const deviation = Math.sqrt(variance);
    return deviation > 1e-6 * Math.abs(mean[j]!) ? 1 / deviation : 1;
  });
  for (let i = 0; i < order.length; i++) {
    for (let j = 0; j < d; j++) x[i * d + j] = (x[i * d + j]! - mean[j]!) * factor[j]!;
  }
  return { x, mean, factor };
}
