/**
 * A symmetric matrix as Q T Qᵀ with T tridiagonal. (A + λI)⁻¹ = Q (T + λI)⁻¹ Qᵀ then costs O(n) per
 * right-hand side for every further λ (L. Eldén, Algorithms for the regularization of
 * ill-conditioned least squares problems, BIT 17, 1977).
 */
export interface Tridiagonal {
  size: number;
  /** T[i][i]. */
  diagonal: Float64Array;
  /** T[i][i-1]; the first is 0. */
  subdiagonal: Float64Array;
  /** The first i elements of row i are the vector u of the reflector I - τ u uᵀ. size x size. */
  reflectors: Float64Array;
  /** τ of each reflector; 0 = identity. */
  factors: Float64Array;
}

/**
 * Householder reduction of a symmetric matrix to tridiagonal form, in place (Golub & Van Loan,
 * Matrix Computations, 4th ed., section 8.3.1), from the last row upwards so that rows stay
 * contiguous. Memory bandwidth bounds this algorithm, so the rank-2 update of one step and the
 * matrix-vector product of the next share one pass over the matrix.
 * @param a row-major n x n; only its lower triangle is read; it becomes `reflectors`.
 */
export function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const subdiagonal = new Float64Array(n);
  const factors = new Float64Array(n);
  let u = new Float64Array(n);
  let q = new Float64Array(n);
  let next = new Float64Array(n);
  let product = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const row = i * n;
    for (let j = 0; j <= i; j++) a[row + j] = a[row + j]! - u[i]! * q[j]! - q[i]! * u[j]!;
    diagonal[i] = a[row + i]!;
    if (i === 0) break;
    factors[i] = reflector(a, row, i, next, subdiagonal);
    product.fill(0, 0, i);
    sweep(a, n, i, u, q, next, product);
    const tau = factors[i]!;
    let half = 0;
    for (let j = 0; j < i; j++) half += next[j]! * product[j]!;
    half *= (tau * tau) / 2;
    for (let j = 0; j < i; j++) product[j] = tau * product[j]! - half * next[j]!;
    a.set(next.subarray(0, i), row);
    [u, next] = [next, u];
    [q, product] = [product, q];
  }
  return { size: n, diagonal, subdiagonal, reflectors: a, factors };
}

/** The reflector that maps the first i elements of a row to (0, …, 0, β); returns τ. */
function reflector(
  a: Float64Array,
  row: number,
  i: number,
  u: Float64Array,
  subdiagonal: Float64Array,
): number {
  let largest = 0;
  for (let j = 0; j < i; j++) largest = Math.max(largest, Math.abs(a[row + j]!));
  u.fill(0, 0, i);
  if (largest === 0) return 0;
  let sum = 0;
  for (let j = 0; j < i; j++) {
    u[j] = a[row + j]! / largest;
    sum += u[j]! * u[j]!;
  }
  const alpha = u[i - 1]!;
  const beta = alpha > 0 ? -Math.sqrt(sum) : Math.sqrt(sum);
  subdiagonal[i] = beta * largest;
  u[i - 1] = alpha - beta;
  return 1 / (sum - alpha * beta);
}

/** A -= u qᵀ + q uᵀ on the leading i x i block, and product = A next, in one pass, two rows at once. */
function sweep(
  a: Float64Array,
  n: number,
  i: number,
  u: Float64Array,
  q: Float64Array,
  next: Float64Array,
  product: Float64Array,
): void {
  let r = 0;
  if (i % 2 === 1) {
    const value = a[0]! - 2 * u[0]! * q[0]!;
    a[0] = value;
    product[0] = product[0]! + value * next[0]!;
    r = 1;
  }
  for (; r < i; r += 2) {
    const row0 = r * n;
    const row1 = row0 + n;
    const u0 = u[r]!;
    const q0 = q[r]!;
    const v0 = next[r]!;
    const u1 = u[r + 1]!;
    const q1 = q[r + 1]!;
    const v1 = next[r + 1]!;
    let sum0 = 0;
    let sum1 = 0;
    for (let j = 0; j < r; j++) {
      const uj = u[j]!;
      const qj = q[j]!;
      const vj = next[j]!;
      const x0 = a[row0 + j]! - u0 * qj - q0 * uj;
      const x1 = a[row1 + j]! - u1 * qj - q1 * uj;
      a[row0 + j] = x0;
      a[row1 + j] = x1;
      sum0 += x0 * vj;
      sum1 += x1 * vj;
      product[j] = product[j]! + x0 * v0 + x1 * v1;
    }
    const d0 = a[row0 + r]! - 2 * u0 * q0;
    const d1 = a[row1 + r + 1]! - 2 * u1 * q1;
    const off = a[row1 + r]! - u1 * q0 - q1 * u0;
    a[row0 + r] = d0;
    a[row1 + r + 1] = d1;
    a[row1 + r] = off;
    product[r] = product[r]! + sum0 + d0 * v0 + off * v1;
    product[r + 1] = product[r + 1]! + sum1 + d1 * v1 + off * v0;
  }
}

/**
 * Replaces each of `rows` row-major rows x by xQ (that is, by Qᵀx), in place. Four rows share each
 * pass, and each pass ends one reflector and begins the next.
 */
export function rotateRows(t: Tridiagonal, x: Float64Array, rows: number): void {
  const n = t.size;
  if (n < 2) return;
  let first = 0;
  for (; first + 4 <= rows; first += 4) rotateFour(t, x, first * n);
  if (first === rows) return;
  const buffer = new Float64Array(4 * n);
  buffer.set(x.subarray(first * n, rows * n));
  rotateFour(t, buffer, 0);
  x.set(buffer.subarray(0, (rows - first) * n), first * n);
}

function rotateFour(t: Tridiagonal, x: Float64Array, x0: number): void {
  const n = t.size;
  const { reflectors, factors } = t;
  const x1 = x0 + n;
  const x2 = x1 + n;
  const x3 = x2 + n;
  let g0 = 0;
  let g1 = 0;
  let g2 = 0;
  let g3 = 0;
  // The pass for i = n ends no reflector (its factors are 0) and begins reflector n-1.
  for (let i = n; i >= 1; i--) {
    const ending = i === n ? 0 : i * n;
    const beginning = (i - 1) * n;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < i - 1; j++) {
      const e = reflectors[ending + j]!;
      const b = reflectors[beginning + j]!;
      const y0 = x[x0 + j]! - g0 * e;
      const y1 = x[x1 + j]! - g1 * e;
      const y2 = x[x2 + j]! - g2 * e;
      const y3 = x[x3 + j]! - g3 * e;
      x[x0 + j] = y0;
      x[x1 + j] = y1;
      x[x2 + j] = y2;
      x[x3 + j] = y3;
      s0 += y0 * b;
      s1 += y1 * b;
      s2 += y2 * b;
      s3 += y3 * b;
    }
    if (i < n) {
      const e = reflectors[ending + i - 1]!;
      x[x0 + i - 1] = x[x0 + i - 1]! - g0 * e;
      x[x1 + i - 1] = x[x1 + i - 1]! - g1 * e;
      x[x2 + i - 1] = x[x2 + i - 1]! - g2 * e;
      x[x3 + i - 1] = x[x3 + i - 1]! - g3 * e;
    }
    const tau = factors[i - 1]!;
    g0 = tau * s0;
    g1 = tau * s1;
    g2 = tau * s2;
    g3 = tau * s3;
  }
}

/** Replaces each of `rows` row-major rows z by Qz: the inverse of {@link rotateRows}. */
export function rotateRowsBack(t: Tridiagonal, z: Float64Array, rows: number): void {
  const n = t.size;
  for (let r = 0; r < rows; r++) {
    const at = r * n;
    for (let i = 1; i < n; i++) {
      const tau = t.factors[i]!;
      if (tau === 0) continue;
      const row = i * n;
      let sum = 0;
      for (let j = 0; j < i; j++) sum += z[at + j]! * t.reflectors[row + j]!;
      sum *= tau;
      for (let j = 0; j < i; j++) z[at + j] = z[at + j]! - sum * t.reflectors[row + j]!;
    }
  }
}

/** (T + λI) = L D Lᵀ with L unit bidiagonal; `scale` is D^-1/2. */
export interface ShiftedFactor {
  multipliers: Float64Array;
  scale: Float64Array;
}

/** Factorises T + λI; T must be positive semi-definite up to rounding and λ > 0. */
export function factoriseShifted(t: Tridiagonal, lambda: number): ShiftedFactor {
  const multipliers = new Float64Array(t.size);
  const scale = new Float64Array(t.size);
  let pivot = 1;
  for (let i = 0; i < t.size; i++) {
    const off = t.subdiagonal[i]!;
    multipliers[i] = i === 0 ? 0 : off / pivot;
    // In exact arithmetic every pivot is at least λ; rounding must not push it below.
    pivot = Math.max(t.diagonal[i]! + lambda - multipliers[i]! * off, lambda * 1e-3);
    scale[i] = 1 / Math.sqrt(pivot);
  }
  return { multipliers, scale };
}

/** target rows = D^-1/2 L⁻¹ (source rows): their inner products are those in (T + λI)⁻¹. */
export function whitenRows(
  f: ShiftedFactor,
  source: Float64Array,
  from: number,
  rows: number,
  target: Float64Array,
): void {
  const n = f.scale.length;
  for (let r = 0; r < rows; r++) {
    const read = (from + r) * n;
    const write = r * n;
    let previous = 0;
    for (let j = 0; j < n; j++) {
      previous = source[read + j]! - f.multipliers[j]! * previous;
      target[write + j] = previous * f.scale[j]!;
    }
  }
}

/** In place, rows = L⁻ᵀ D^-1/2 (rows): completes the solve that {@link whitenRows} began. */
export function unwhitenRows(f: ShiftedFactor, x: Float64Array, rows: number): void {
  const n = f.scale.length;
  for (let r = 0; r < rows; r++) {
    const at = r * n;
    let previous = 0;
    for (let j = n - 1; j >= 0; j--) {
      const multiplier = j + 1 < n ? f.multipliers[j + 1]! : 0;
      previous = x[at + j]! * f.scale[j]! - multiplier * previous;
      x[at + j] = previous;
    }
  }
}
