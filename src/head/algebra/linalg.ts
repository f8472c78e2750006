import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';

/** Depth of a packed block: 24 rows of it take 24 KiB and stay in a 32 KiB first-level cache. */
const DEPTH = 128;
const PACKED_ROWS = 24;
/** Columns that the blocked factorisation finishes before it updates the rest. */
const PANEL = 48;

/** A row-major view of a part of a Float64Array. */
export interface Block {
  data: Float64Array;
  offset: number;
  /** Distance between two rows, elements. */
  stride: number;
}

/**
 * C += sign · A Bᵀ with A m x k, B n x k and C m x n, all row-major. B is packed, so that every
 * stride uses the cache well. With `lowerOnly` (A and B are the same rows) tiles above the diagonal
 * are left out.
 */
export function addProductTransposed(
  c: Block,
  a: Block,
  m: number,
  b: Block,
  n: number,
  k: number,
  sign: 1 | -1 = 1,
  lowerOnly = false,
): void {
  const packed = new Float64Array(Math.min(n, PACKED_ROWS) * DEPTH);
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = Math.min(DEPTH, k - k0);
    for (let j0 = 0; j0 < n; j0 += PACKED_ROWS) {
      const width = Math.min(PACKED_ROWS, n - j0);
      packRows(b, b.offset + j0 * b.stride + k0, width, depth, packed);
      const first = lowerOnly ? j0 - (j0 % 4) : 0;
      for (let i = first; i < m; i += 4) {
        const rows = Math.min(4, m - i);
        const reach = lowerOnly ? Math.min(width, i + rows - j0) : width;
        const aAt = a.offset + i * a.stride + k0;
        const cAt = c.offset + i * c.stride + j0;
        addStrip(c, cAt, a, aAt, rows, packed, width, reach, depth, sign);
      }
    }
  }
}

/** Copies `depth` elements of each of `count` rows, DEPTH apart. */
function packRows(
  b: Block,
  from: number,
  count: number,
  depth: number,
  packed: Float64Array,
): void {
  for (let j = 0; j < count; j++) {
    const at = from + j * b.stride;
    packed.set(b.data.subarray(at, at + depth), j * DEPTH);
  }
}

/**
 * Adds the products of `rows` <= 4 rows of A with the tiles that begin in the first `reach` of
 * `width` packed rows.
 */
function addStrip(
  c: Block,
  cAt: number,
  a: Block,
  aAt: number,
  rows: number,
  packed: Float64Array,
  width: number,
  reach: number,
  depth: number,
  sign: number,
): void {
  for (let j = 0; j < reach; j += 4) {
    const columns = Math.min(4, width - j);
    const b0 = j * DEPTH;
    if (rows === 4 && columns === 4) {
      tile4x4(a.data, aAt, a.stride, packed, b0, depth, c.data, cAt + j, c.stride, sign);
    } else {
      tileEdge(a.data, aAt, a.stride, rows, packed, b0, columns, depth, c, cAt + j, sign);
    }
  }
}

/** Sixteen dot products at once, so that each loaded value is used four times. */
function tile4x4(
  a: Float64Array,
  a0: number,
  stride: number,
  b: Float64Array,
  b0: number,
  depth: number,
  c: Float64Array,
  cAt: number,
  cStride: number,
  sign: number,
): void {
  const a1 = a0 + stride;
  const a2 = a1 + stride;
  const a3 = a2 + stride;
  const b1 = b0 + DEPTH;
  const b2 = b1 + DEPTH;
  const b3 = b2 + DEPTH;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  for (let p = 0; p < depth; p++) {
    const y0 = b[b0 + p]!;
    const y1 = b[b1 + p]!;
    const y2 = b[b2 + p]!;
    const y3 = b[b3 + p]!;
    const x0 = a[a0 + p]!;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    const x1 = a[a1 + p]!;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    const x2 = a[a2 + p]!;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    const x3 = a[a3 + p]!;
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
  }
  const c1 = cAt + cStride;
  const c2 = c1 + cStride;
  const c3 = c2 + cStride;
  c[cAt] = c[cAt]! + sign * s00;
  c[cAt + 1] = c[cAt + 1]! + sign * s01;
  c[cAt + 2] = c[cAt + 2]! + sign * s02;
  c[cAt + 3] = c[cAt + 3]! + sign * s03;
  c[c1] = c[c1]! + sign * s10;
  c[c1 + 1] = c[c1 + 1]! + sign * s11;
  c[c1 + 2] = c[c1 + 2]! + sign * s12;
  c[c1 + 3] = c[c1 + 3]! + sign * s13;
  c[c2] = c[c2]! + sign * s20;
  c[c2 + 1] = c[c2 + 1]! + sign * s21;
  c[c2 + 2] = c[c2 + 2]! + sign * s22;
  c[c2 + 3] = c[c2 + 3]! + sign * s23;
  c[c3] = c[c3]! + sign * s30;
  c[c3 + 1] = c[c3 + 1]! + sign * s31;
  c[c3 + 2] = c[c3 + 2]! + sign * s32;
  c[c3 + 3] = c[c3 + 3]! + sign * s33;
}

function tileEdge(
  a: Float64Array,
  aAt: number,
  aStride: number,
  rows: number,
  b: Float64Array,
  bAt: number,
  columns: number,
  depth: number,
  c: Block,
  cAt: number,
  sign: number,
): void {
  for (let i = 0; i < rows; i++) {
    const x = aAt + i * aStride;
    for (let j = 0; j < columns; j++) {
      const y = bAt + j * DEPTH;
      let sum = 0;
      for (let p = 0; p < depth; p++) sum += a[x + p]! * b[y + p]!;
      const at = cAt + i * c.stride + j;
      c.data[at] = c.data[at]! + sign * sum;
    }
  }
}

/** Copies the lower triangle of a row-major n x n matrix onto its upper triangle. */
export function mirrorLower(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[j * n + i] = a[i * n + j]!;
}

/**
 * Gram matrix between rows, X Xᵀ (rows x rows, both triangles), of a row-major rows x columns matrix.
 */
export function gramOfRows(x: Float64Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  const block = { data: x, offset: 0, stride: columns };
  const target = { data: gram, offset: 0, stride: rows };
  addProductTransposed(target, block, rows, block, rows, columns, 1, true);
  mirrorLower(gram, rows);
  return gram;
}

/**
 * Gram matrix between columns, Xᵀ X (columns x columns, both triangles), of row-major rows
 * [rowFrom, rowTo) of a matrix with `columns` columns. With `factors`, one per row of the matrix,
 * each row is multiplied by its factor first.
 */
export function gramOfColumns(
  x: Float32Array | Float64Array,
  rowFrom: number,
  rowTo: number,
  columns: number,
  factors?: Float64Array,
): Float64Array {
  const gram = new Float64Array(columns * columns);
  const target = { data: gram, offset: 0, stride: columns };
  const transposed = new Float64Array(columns * DEPTH);
  for (let r0 = rowFrom; r0 < rowTo; r0 += DEPTH) {
    const depth = Math.min(DEPTH, rowTo - r0);
    for (let r = 0; r < depth; r++) {
      const row = (r0 + r) * columns;
      const factor = factors === undefined ? 1 : factors[r0 + r]!;
      for (let j = 0; j < columns; j++) transposed[j * DEPTH + r] = factor * x[row + j]!;
    }
    const block = { data: transposed, offset: 0, stride: DEPTH };
    addProductTransposed(target, block, columns, block, columns, depth, 1, true);
  }
  mirrorLower(gram, columns);
  return gram;
}

/**
 * Blocked Cholesky factorisation in place (right-looking, Golub & Van Loan, Matrix Computations,
 * 4th ed., section 4.2.6): the lower triangle of the row-major n x n matrix `a` becomes L with A =
 * L Lᵀ. The upper triangle is neither read nor written.
 * @throws HL_MATRIX_NOT_POSITIVE_DEFINITE when a pivot is not positive.
 */
export function cholesky(a: Float64Array, n: number): void {
  const buffer = new Float64Array(n * PANEL);
  for (let k0 = 0; k0 < n; k0 += PANEL) {
    const k1 = Math.min(n, k0 + PANEL);
    factorisePanel(a, n, k0, k1);
    if (k1 < n) subtractPanel(a, n, k0, k1, buffer);
  }
}

/** Finishes columns [k0, k1) of L; the products with earlier columns are already subtracted. */
function factorisePanel(a: Float64Array, n: number, k0: number, k1: number): void {
  for (let i = k0; i < n; i++) {
    const row = i * n;
    const last = Math.min(i, k1 - 1);
    for (let j = k0; j <= last; j++) {
      const other = j * n;
      let sum = a[row + j]!;
      for (let p = k0; p < j; p++) sum -= a[row + p]! * a[other + p]!;
      a[row + j] = j < i ? sum / a[other + j]! : rootOfPivot(sum, i, n);
    }
  }
}

function rootOfPivot(pivot: number, i: number, n: number): number {
  if (pivot > 0) return Math.sqrt(pivot);
  throw new HeadlandError(
    'HL_MATRIX_NOT_POSITIVE_DEFINITE',
    `the matrix cannot be factored: pivot ${i} of ${n} is ${pivot}, not positive`,
    { remedy: DEFECT_REMEDY },
  );
}

/** Subtracts the products of the finished columns [k0, k1) from the triangle to their right. */
function subtractPanel(
  a: Float64Array,
  n: number,
  k0: number,
  k1: number,
  buffer: Float64Array,
): void {
  const left = n - k1;
  const width = k1 - k0;
  for (let i = 0; i < left; i++) {
    const from = (k1 + i) * n + k0;
    buffer.set(a.subarray(from, from + width), i * width);
  }
  const panel = { data: buffer, offset: 0, stride: width };
  const rest = { data: a, offset: k1 * n + k1, stride: n };
  addProductTransposed(rest, panel, left, panel, left, width, -1, true);
}
