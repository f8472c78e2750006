/**
 * Embeddings at least this alike show the same scene: consecutive frames of one pass, or the same
 * picture encoded again. Between different pictures such a cosine is rare.
 */
export const NEAR_DUPLICATE_COSINE = 0.985;

/** Cosine of the angle between two vectors of the same length, -1..1; NaN where one of them is zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / Math.sqrt(squaresA * squaresB);
}
