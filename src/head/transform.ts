import type { FeatureTransform } from './head.js';

/**
 * Transforms each row of a row-major rows x featureSize matrix into a new one.
 * - `l2`: the row divided by its Euclidean norm; a row of zeros stays as it is.
 * - `sqrt`: sign(x) · sqrt|x|, which reduces the skew of pooled rectified features.
 * - `sqrt-l2`: first `sqrt`, then `l2` (the "root" descriptor of Arandjelović & Zisserman 2012).
 */
export function transformFeatures(
  features: Float32Array,
  featureSize: number,
  transform: FeatureTransform,
): Float32Array {
  const out = new Float32Array(features);
  if (transform === 'sqrt' || transform === 'sqrt-l2') {
    for (let i = 0; i < out.length; i++) {
      const value = out[i]!;
      out[i] = value < 0 ? -Math.sqrt(-value) : Math.sqrt(value);
    }
  }
  if (transform === 'l2' || transform === 'sqrt-l2') {
    for (let from = 0; from < out.length; from += featureSize) {
      normalise(out, from, from + featureSize);
    }
  }
  return out;
}

function normalise(x: Float32Array, from: number, to: number): void {
  let sum = 0;
  for (let i = from; i < to; i++) sum += x[i]! * x[i]!;
  if (sum === 0) return;
  const factor = 1 / Math.sqrt(sum);
  for (let i = from; i < to; i++) x[i] = x[i]! * factor;
}
