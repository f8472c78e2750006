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
