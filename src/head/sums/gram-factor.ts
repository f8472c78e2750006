import { packedLength } from './class-sums.js';

/** What is left of the largest square below which a Gram matrix counts as used up: rounding. */
const NOTHING_LEFT = 1e-14;

/**
 * A Gram matrix of few samples as RᵀR: fewer rows than directions. R follows from the Gram matrix alone, and so says
 * nothing that it does not say. Cholesky's factorisation with pivots (Higham 2002, Accuracy and Stability of
 * Numerical Algorithms, 10.3).
 * @param gram packed lower triangle by rows, k(k+1)/2 values, positive semi-definite
 * @returns r x k, row-major; null where it would be no shorter than the triangle
 */
export function factorOf(gram: Float64Array, k: number): Float64Array | null {
  const most = Math.floor((packedLength(k) - 1) / k);
  const rest = Float64Array.from({ length: k }, (_, i) => gram[diagonalAt(i)]!);
  const least = NOTHING_LEFT * Math.max(...rest);
  const rows: Float64Array[] = [];
  for (;;) {
    let pivot = 0;
    for (let i = 1; i < k; i++) if (rest[i]! > rest[pivot]!) pivot = i;
    if (!(rest[pivot]! > least)) break;
    if (rows.length === most) return null;
    const row = nextRow(gram, rows, pivot, Math.sqrt(rest[pivot]!), k);
    for (let j = 0; j < k; j++) rest[j] = j === pivot ? 0 : rest[j]! - row[j]! * row[j]!;
    rows.push(row);
  }
  const factor = new Float64Array(rows.length * k);
  for (const [i, row] of rows.entries()) factor.set(row, i * k);
  return factor;
}

/** @param root of what is left of the square of the pivot */
function nextRow(
  gram: Float64Array,
  rows: readonly Float64Array[],
  pivot: number,
  root: number,
  k: number,
): Float64Array {
  const row = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    let value = gram[pivot < j ? at(j, pivot) : at(pivot, j)]!;
    for (const earlier of rows) value -= earlier[pivot]! * earlier[j]!;
    row[j] = value / root;
  }
  return row;
}

/** RᵀR as a packed lower triangle. @param factor r x k, row-major */
export function gramOfFactor(factor: Float64Array, k: number): Float64Array {
  const gram = new Float64Array(packedLength(k));
  for (let from = 0; from < factor.length; from += k) {
    for (let i = 0, place = 0; i < k; i++) {
      const own = factor[from + i]!;
      for (let j = 0; j <= i; j++) gram[place] = gram[place++]! + own * factor[from + j]!;
    }
  }
  return gram;
}

function at(i: number, j: number): number {
  return (i * (i + 1)) / 2 + j;
}

function diagonalAt(i: number): number {
  return at(i, i);
}
