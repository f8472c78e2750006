import { createRandom } from '../../base/random.js';
import { addProductTransposed, cholesky } from '../algebra/linalg.js';
import { solveLower } from '../algebra/triangular.js';

/** Enough for a subspace that needs only most of the variance. */
const ITERATIONS = 3;

/**
 * An orthonormal basis of most of the variance of the training rows, as r x n coefficients of rows:
 * subspace iteration on their Gram matrix (Halko, Martinsson & Tropp 2011, algorithm 4.4).
 */
export function subspace(
  gram: Float64Array,
  n: number,
  training: readonly number[],
  maxDimensions: number,
): Float64Array {
  const m = training.length;
  const r = Math.max(1, Math.min(maxDimensions, m >>> 1));
  const own = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) own[i * m + j] = gram[training[i]! * n + training[j]!]!;
  }
  const random = createRandom(m);
  // Column k of the basis is row k here, so that every product runs along rows.
  let q: Float64Array = Float64Array.from({ length: r * m }, () => random.next() - 0.5);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    orthonormalise(q, r, m);
    q = productTransposed(q, r, own, m, m);
  }
  orthonormalise(q, r, m);
  // Z'q has the Gram matrix q'Kq = LL': Z'q L⁻ᵀ is orthonormal.
  const kq = productTransposed(q, r, own, m, m);
  const l = productTransposed(q, r, kq, r, m);
  const trace = traceOf(l, r);
  for (let i = 0; i < r; i++) l[i * r + i] = l[i * r + i]! + 1e-10 * trace + Number.MIN_VALUE;
  cholesky(l, r);
  solveLower(l, r, q, m);
  const coefficients = new Float64Array(r * n);
  for (let k = 0; k < r; k++) {
    for (let i = 0; i < m; i++) coefficients[k * n + training[i]!] = q[k * m + i]!;
  }
  return coefficients;
}

/** Modified Gram-Schmidt on rows; a row that depends on the others becomes zero. */
function orthonormalise(q: Float64Array, rows: number, columns: number): void {
  for (let k = 0; k < rows; k++) {
    const row = q.subarray(k * columns, (k + 1) * columns);
    const before = Math.sqrt(dot(row, row));
    for (let j = 0; j < k; j++) {
      const other = q.subarray(j * columns, (j + 1) * columns);
      const shared = dot(row, other);
      for (let i = 0; i < columns; i++) row[i] = row[i]! - shared * other[i]!;
    }
    const norm = Math.sqrt(dot(row, row));
    const factor = norm > 1e-10 * before ? 1 / norm : 0;
    for (let i = 0; i < columns; i++) row[i] = row[i]! * factor;
  }
}

/** A Bᵀ of row-major rows of the same length. */
export function productTransposed(
  a: Float64Array,
  m: number,
  b: Float64Array,
  n: number,
  depth: number,
): Float64Array {
  const data = new Float64Array(m * n);
  const block = (values: Float64Array) => ({ data: values, offset: 0, stride: depth });
  addProductTransposed({ data, offset: 0, stride: n }, block(a), m, block(b), n, depth);
  return data;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Sum of the diagonal of a row-major n x n matrix. */
export function traceOf(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[i * n + i]!;
  return sum;
}
