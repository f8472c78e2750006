import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';

/**
 * Solves L x = b in place for `count` right-hand sides.
 * `l`: lower triangle of a row-major n x n matrix; `b`: n x count, row-major.
 */
export function solveLower(l: Float64Array, n: number, b: Float64Array, count: number): void {
  for (let i = 0; i < n; i++) {
    const target = i * count;
    for (let j = 0; j < i; j++) subtractRow(b, target, j * count, l[i * n + j]!, count);
    divideRow(b, target, l[i * n + i]!, count);
  }
}

/** Solves Lᵀ x = b in place; the arguments are those of {@link solveLower}. */
export function solveLowerTransposed(
  l: Float64Array,
  n: number,
  b: Float64Array,
  count: number,
): void {
  for (let i = n - 1; i >= 0; i--) {
    const source = i * count;
    divideRow(b, source, l[i * n + i]!, count);
    for (let j = 0; j < i; j++) subtractRow(b, j * count, source, l[i * n + j]!, count);
  }
}

/** Solves A x = b in place from the Cholesky factor of A; `b` is n x count, row-major. */
export function solveCholesky(l: Float64Array, n: number, b: Float64Array, count: number): void {
  solveLower(l, n, b, count);
  solveLowerTransposed(l, n, b, count);
}

function subtractRow(
  b: Float64Array,
  target: number,
  source: number,
  factor: number,
  count: number,
): void {
  for (let c = 0; c < count; c++) b[target + c] = b[target + c]! - factor * b[source + c]!;
}

function divideRow(b: Float64Array, target: number, divisor: number, count: number): void {
  for (let c = 0; c < count; c++) b[target + c] = b[target + c]! / divisor;
}

/**
 * The diagonal block [from, to) of A⁻¹ from the Cholesky factor of A, without the rest of A⁻¹:
 * (to-from) x (to-from), row-major.
 */
export function inverseDiagonalBlock(
  l: Float64Array,
  n: number,
  from: number,
  to: number,
): Float64Array {
  const size = to - from;
  // A⁻¹ = L⁻ᵀ L⁻¹, and the columns of L⁻¹ that belong to the block are zero above row `from`.
  const inverse = new Float64Array((n - from) * size);
  for (let i = from; i < n; i++) {
    const target = (i - from) * size;
    if (i < to) inverse[target + i - from] = 1;
    for (let j = from; j < i; j++) {
      subtractRow(inverse, target, (j - from) * size, l[i * n + j]!, size);
    }
    divideRow(inverse, target, l[i * n + i]!, size);
  }
  const block = new Float64Array(size * size);
  for (let r = 0; r < n - from; r++) {
    for (let i = 0; i < size; i++) {
      subtractRowInto(block, i * size, inverse, r * size, -inverse[r * size + i]!, size);
    }
  }
  return block;
}

function subtractRowInto(
  target: Float64Array,
  targetAt: number,
  source: Float64Array,
  sourceAt: number,
  factor: number,
  count: number,
): void {
  for (let c = 0; c < count; c++) {
    target[targetAt + c] = target[targetAt + c]! - factor * source[sourceAt + c]!;
  }
}

/** A⁻¹ (n x n, both triangles) from the Cholesky factor of A. */
export function inverseFromCholesky(l: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
  solveCholesky(l, n, inverse, n);
  return inverse;
}

/**
 * Rank-1 change of an inverse in place (Sherman & Morrison 1950):
 * (A + sign · x xᵀ)⁻¹ = A⁻¹ - sign · u uᵀ / (1 + sign · xᵀu), u = A⁻¹ x.
 * `inverse`: symmetric n x n; `x`: n. O(n²).
 * @returns u and the denominator, which least squares by recursion needs too.
 * @throws HL_MATRIX_NOT_POSITIVE_DEFINITE when a downdate would leave no inverse; nothing is
 * changed then.
 */
export function updateInverse(
  inverse: Float64Array,
  n: number,
  x: Float64Array,
  sign: 1 | -1,
): { direction: Float64Array; denominator: number } {
  const direction = new Float64Array(n);
  let product = 0;
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let sum = 0;
    for (let j = 0; j < n; j++) sum += inverse[row + j]! * x[j]!;
    direction[i] = sum;
    product += sum * x[i]!;
  }
  const denominator = 1 + sign * product;
  if (!(denominator > 1e-12)) {
    throw new HeadlandError(
      'HL_MATRIX_NOT_POSITIVE_DEFINITE',
      `removing this row leaves no inverse (1 - x'A⁻¹x = ${denominator})`,
      { remedy: DEFECT_REMEDY },
    );
  }
  const scale = -sign / denominator;
  for (let i = 0; i < n; i++) {
    const row = i * n;
    const factor = scale * direction[i]!;
    for (let j = 0; j < n; j++) inverse[row + j] = inverse[row + j]! + factor * direction[j]!;
  }
  return { direction, denominator };
}
