import { addProductTransposed } from '../algebra/linalg.js';

/** Everything that a ridge head or a Gaussian needs to know of the samples of a class. */
export interface ClassSums {
  /** Σ w: the number of samples; near-duplicates count together as one. */
  samples: number;
  /** Σ w z, k values. */
  sum: Float64Array;
  /** Σ w z zᵀ: packed lower triangle by rows, k(k+1)/2 values. */
  gram: Float64Array;
}

/** Length of a packed lower triangle. */
export function packedLength(k: number): number {
  return (k * (k + 1)) / 2;
}

export function emptySums(k: number): ClassSums {
  return { samples: 0, sum: new Float64Array(k), gram: new Float64Array(packedLength(k)) };
}

/**
 * Sums of some rows.
 * @param z rows x k, row-major
 * @param rows indices of the rows
 * @param shares weight of each row of z, (0, 1]; see `sharesOf`
 */
export function sumsOfRows(
  z: Float64Array,
  k: number,
  rows: readonly number[],
  shares: Float64Array,
): ClassSums {
  const sums = emptySums(k);
  // Transposed and weighted, so that the product runs along rows.
  const n = rows.length;
  const weighted = new Float64Array(k * n);
  const plain = new Float64Array(k * n);
  for (const [i, row] of rows.entries()) {
    const share = shares[row]!;
    sums.samples += share;
    for (let j = 0; j < k; j++) {
      const value = z[row * k + j]!;
      sums.sum[j] = sums.sum[j]! + share * value;
      weighted[j * n + i] = share * value;
      plain[j * n + i] = value;
    }
  }
  const full = new Float64Array(k * k);
  addProductTransposed(
    { data: full, offset: 0, stride: k },
    { data: weighted, offset: 0, stride: n },
    k,
    { data: plain, offset: 0, stride: n },
    k,
    n,
    1,
    true,
  );
  let at = 0;
  for (let i = 0; i < k; i++) for (let j = 0; j <= i; j++) sums.gram[at++] = full[i * k + j]!;
  return sums;
}

/** a + factor · b, as new sums. */
export function plus(a: ClassSums, b: ClassSums, factor = 1): ClassSums {
  const joined = (x: Float64Array, y: Float64Array) => x.map((value, i) => value + factor * y[i]!);
  return {
    samples: a.samples + factor * b.samples,
    sum: joined(a.sum, b.sum),
    gram: joined(a.gram, b.gram),
  };
}

/** All values one after the other, as they are added exactly: count, sum, Gram matrix. */
export function flatten({ samples, sum, gram }: ClassSums): Float64Array {
  const out = new Float64Array(1 + sum.length + gram.length);
  out[0] = samples;
  out.set(sum, 1);
  out.set(gram, 1 + sum.length);
  return out;
}

/** The inverse of {@link flatten}. */
export function unflatten(values: Float64Array, k: number): ClassSums {
  return {
    samples: values[0]!,
    sum: values.slice(1, 1 + k),
    gram: values.slice(1 + k, 1 + k + packedLength(k)),
  };
}

/** Number of values of {@link flatten}. */
export function flatLength(k: number): number {
  return 1 + k + packedLength(k);
}
