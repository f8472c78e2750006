import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { cholesky, gramOfColumns, gramOfRows } from '../../src/head/algebra/linalg.js';
import { solveCholesky } from '../../src/head/algebra/triangular.js';
import {
  factoriseShifted,
  rotateRows,
  rotateRowsBack,
  tridiagonalise,
  unwhitenRows,
  whitenRows,
} from '../../src/head/algebra/tridiagonal.js';
import { Draw, maxDifference } from './synthetic.js';

/** Sizes around the tile (4), the packed rows (24), the panel (48) and the depth (128). */
const SIZES = [1, 2, 3, 4, 5, 23, 24, 25, 47, 48, 49, 101, 131];

function positiveDefinite(n: number, draw: Draw): Float64Array {
  const a = gramOfRows(draw.normals(n * (n + 3)), n, n + 3);
  for (let i = 0; i < n; i++) a[i * n + i] = a[i * n + i]! + 0.5;
  return a;
}

/** A X of a rows x depth matrix and a depth x count one. */
function multiply(
  a: Float64Array,
  x: Float64Array,
  rows: number,
  depth: number,
  count: number,
): Float64Array {
  const out = new Float64Array(rows * count);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < count; c++) {
      for (let j = 0; j < depth; j++) {
        out[i * count + c] = out[i * count + c]! + a[i * depth + j]! * x[j * count + c]!;
      }
    }
  }
  return out;
}

/** k x n from n x k. */
function transpose(x: Float64Array, n: number, k: number): Float64Array {
  return Float64Array.from({ length: n * k }, (_, at) => x[(at % n) * k + Math.floor(at / n)]!);
}

test('both Gram matrices equal their definition at every size', () => {
  const draw = new Draw(3);
  for (const n of SIZES) {
    for (const k of [1, 7, 127, 129, 260]) {
      const x = draw.normals(n * k);
      const transposed = transpose(x, n, k);
      const expected = multiply(x, transposed, n, k, n);
      assert.ok(maxDifference(gramOfRows(x, n, k), expected) < 1e-11 * k, `rows ${n} x ${k}`);
      const gram = gramOfColumns(transposed, 0, k, n);
      assert.ok(maxDifference(gram, expected) < 1e-11 * k, `columns ${n} x ${k}`);
    }
  }
});

test('the Gram matrix of some rows leaves the others out', () => {
  const x = new Draw(4).normals(10 * 3);
  const part = gramOfColumns(x, 2, 7, 3);
  assert.deepEqual(part, gramOfColumns(x.slice(6, 21), 0, 5, 3));
});

test('Cholesky and its solves undo the matrix', () => {
  const draw = new Draw(5);
  for (const n of SIZES) {
    const a = positiveDefinite(n, draw);
    const l = a.slice();
    cholesky(l, n);
    const x = draw.normals(n * 3);
    const b = multiply(a, x, n, n, 3);
    solveCholesky(l, n, b, 3);
    assert.ok(maxDifference(b, x) < 1e-7, `solve ${n}: ${maxDifference(b, x)}`);
  }
});

test('a matrix that is not positive definite is refused', () => {
  const n = 60;
  const a = positiveDefinite(n, new Draw(6));
  a[55 * n + 55] = -1;
  assert.throws(
    () => cholesky(a, n),
    (e) => isHeadlandError(e, 'HL_MATRIX_NOT_POSITIVE_DEFINITE'),
  );
  assert.throws(
    () => cholesky(new Float64Array(4).fill(Number.NaN), 2),
    (e) => isHeadlandError(e, 'HL_MATRIX_NOT_POSITIVE_DEFINITE'),
  );
});

test('the tridiagonal form solves shifted systems as the matrix itself does', () => {
  const draw = new Draw(8);
  for (const n of [1, 2, 3, 4, 5, 8, 31, 64]) {
    const a = positiveDefinite(n, draw);
    const t = tridiagonalise(a.slice(), n);
    for (const lambda of [1e-3, 1, 100]) {
      const shifted = a.slice();
      for (let i = 0; i < n; i++) shifted[i * n + i] = shifted[i * n + i]! + lambda;
      const x = draw.normals(n);
      const b = multiply(shifted, x, n, n, 1);
      const factor = factoriseShifted(t, lambda);
      rotateRows(t, b, 1);
      whitenRows(factor, b.slice(), 0, 1, b);
      unwhitenRows(factor, b, 1);
      rotateRowsBack(t, b, 1);
      assert.ok(maxDifference(b, x) < 1e-7, `${n}, λ ${lambda}: ${maxDifference(b, x)}`);
    }
  }
});

test('rotation there and back is the identity for any number of rows', () => {
  const draw = new Draw(9);
  const n = 17;
  const t = tridiagonalise(positiveDefinite(n, draw), n);
  for (const rows of [1, 2, 3, 4, 5, 8, 11]) {
    const x = draw.normals(rows * n);
    const y = x.slice();
    rotateRows(t, y, rows);
    assert.ok(maxDifference(x, y) > 0.1);
    rotateRowsBack(t, y, rows);
    assert.ok(maxDifference(x, y) < 1e-12);
  }
});

test('a matrix of zeros is its own tridiagonal form', () => {
  const t = tridiagonalise(new Float64Array(25), 5);
  assert.deepEqual(t.diagonal, new Float64Array(5));
  assert.deepEqual(t.subdiagonal, new Float64Array(5));
});
