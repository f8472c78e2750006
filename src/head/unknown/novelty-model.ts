/**
 * Where the classes of a head lie, to detect what is none of them: the relative Mahalanobis
 * distance of Ren et al. 2021 (A Simple Fix to Mahalanobis Distance for Improving Near-OOD
 * Detection), in a subspace, with a shrunk covariance per class (Friedman 1989, Regularized
 * Discriminant Analysis). Features are always transformed by `NOVELTY_TRANSFORM`, whatever
 * transform the linear layer has.
 *
 * score = min_k |W_k (Bz - μ_k)|² - |W₀ (Bz - μ₀)|²; larger = stranger.
 */
export interface NoveltyModel {
  /** r, the dimensions of the subspace. */
  dimensions: number;
  /** B, r x featureSize, row-major; row i is multiplied by `basisScale[i]`. */
  basis: Int16Array;
  /** r. */
  basisScale: Float32Array;
  /**
   * All W_k in order, each a lower triangle by rows, r (r + 1) / 2: W_k'W_k inverts the covariance
   * of class k. A single triangle serves all classes.
   */
  within: Float32Array;
  /** W_k μ_k, C x r, row-major. */
  means: Float32Array;
  /** W₀, one triangle, of all points, of any class or of none. */
  background: Float32Array;
  /** W₀ μ₀, r. */
  centre: Float32Array;
  /**
   * Scores of known samples and of a view of each, by models without the sample's group, ascending.
   */
  scores: Float32Array;
}

/** Length of a packed lower triangle. */
export function triangleLength(dimensions: number): number {
  return (dimensions * (dimensions + 1)) / 2;
}

/** Rows of a basis, each at 16 bits a value. @param rows r x featureSize, row-major */
export function quantisedBasis(
  rows: Float64Array,
  featureSize: number,
): Pick<NoveltyModel, 'basis' | 'basisScale'> {
  const r = rows.length / featureSize;
  const basis = new Int16Array(rows.length);
  const basisScale = new Float32Array(r);
  for (let k = 0; k < r; k++) {
    const row = rows.subarray(k * featureSize, (k + 1) * featureSize);
    const largest = row.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    basisScale[k] = largest / 32_767;
    if (largest === 0) continue;
    for (const [j, value] of row.entries()) {
      basis[k * featureSize + j] = Math.round((value / largest) * 32_767);
    }
  }
  return { basis, basisScale };
}
