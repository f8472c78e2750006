/** The exported parts of the class Gaussians; head/novelty-model.ts describes each. */
export interface ExportedGaussians {
  dimensions: number;
  basis: Int16Array;
  basisScale: Float32Array;
  within: Float32Array;
  means: Float32Array;
}

/** The class Gaussians as matrices, for runtimes that only compute products. */
export interface GaussianMatrices {
  /** r x featureSize: points = roots of unit length · basisᵀ. */
  basis: Float32Array;
  /** r x (C r): the squares of points · whiteners - means are the terms of the distances. */
  whiteners: Float32Array;
  /** C r. */
  means: Float32Array;
  /** (C r) x C: squared terms · sums are the logits of the Gaussians. */
  sums: Float32Array;
  dimensions: number;
  /** C r. */
  terms: number;
}

/** @param scale `Head.gaussianScale`. */
export function gaussianMatrices(
  { dimensions: r, basis, basisScale, within, means }: ExportedGaussians,
  scale: number,
): GaussianMatrices {
  const classes = means.length / r;
  const terms = means.length;
  const featureSize = basis.length / r;
  const triangle = (r * (r + 1)) / 2;
  const step = within.length > triangle ? triangle : 0;
  const whiteners = new Float32Array(r * terms);
  const sums = new Float32Array(terms * classes);
  for (let k = 0; k < classes; k++) {
    let at = k * step;
    for (let i = 0; i < r; i++) {
      for (let j = 0; j <= i; j++) whiteners[j * terms + k * r + i] = within[at++]!;
      sums[(k * r + i) * classes + k] = -scale / 2;
    }
  }
  return {
    basis: Float32Array.from(basis, (value, i) => value * basisScale[Math.floor(i / featureSize)]!),
    whiteners,
    means,
    sums,
    dimensions: r,
    terms,
  };
}
