import { sha256Hex } from '../../base/hash.js';
import { createRandom } from '../../base/random.js';
import { dot } from '../algebra/lbfgs.js';
import { addProductTransposed } from '../algebra/linalg.js';
import { transformFeatures } from '../transform.js';
import { NOVELTY_TRANSFORM } from '../unknown/novelty.js';
import { invalidObject, openSealed, sealed } from './sealed.js';

/**
 * The transform of features before they are projected and added up: that of the novelty model, so that one
 * set of sums serves both parts of a head. Rows have length 1.
 */
export const SUMS_TRANSFORM = NOVELTY_TRANSFORM;

/** Name of the basis of all directions of the features. */
export const IDENTITY = 'identity';

const MAGIC = 'HLFBAS01';
const MAX_FEATURES = 65_536;
const MAX_DIRECTIONS = 4_096;
/** Rounds of subspace iteration: the leading directions of pooled features decay fast. */
const ITERATIONS = 12;
/** Directions more than wanted, which speed the iteration up (Halko, Martinsson & Tropp 2011). */
const OVERSAMPLING = 16;
const SEED = 1;
const CHUNK_ROWS = 256;

/** Directions in which a fleet adds up features. */
export interface Basis {
  /** d */
  featureSize: number;
  /** k <= d */
  directions: number;
  /** k x d, row-major, orthonormal rows; null: the identity, k = d. */
  vectors: Float32Array | null;
  /** Object id of the encoded basis, or {@link IDENTITY}. */
  checksum: string;
}

export function identityBasis(featureSize: number): Basis {
  return { featureSize, directions: featureSize, vectors: null, checksum: IDENTITY };
}

/** z = Bφ of features of length 1. @param features rows x d, row-major. @returns rows x k */
export function project(basis: Basis, features: Float32Array): Float64Array {
  const { featureSize: d, directions: k, vectors } = basis;
  const rows = features.length / d;
  const out = new Float64Array(rows * k);
  const directions = vectors && Float64Array.from(vectors);
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const to = Math.min(rows, from + CHUNK_ROWS);
    const part = features.subarray(from * d, to * d);
    const unit = Float64Array.from(transformFeatures(part, d, SUMS_TRANSFORM));
    if (!directions) {
      out.set(unit, from * d);
      continue;
    }
    addProductTransposed(
      { data: out, offset: from * k, stride: k },
      { data: unit, offset: 0, stride: d },
      to - from,
      { data: directions, offset: 0, stride: d },
      k,
      d,
    );
  }
  return out;
}

/** Weights of features from weights in the basis: W B. @param weights rows x k. @returns rows x d */
export function lift(basis: Basis, weights: Float64Array): Float64Array {
  const { featureSize: d, directions: k, vectors } = basis;
  if (!vectors) return weights.slice();
  const rows = weights.length / k;
  const out = new Float64Array(rows * d);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < k; i++) {
      const factor = weights[r * k + i]!;
      for (let j = 0; j < d; j++) out[r * d + j] = out[r * d + j]! + factor * vectors[i * d + j]!;
    }
  }
  return out;
}

/**
 * The directions that carry most of a second moment Σ w φφᵀ: subspace iteration, the same on every
 * machine up to rounding.
 * @param moment packed lower triangle by rows, d(d+1)/2 values
 * @param directions more than d - 1: the identity
 */
export function basisFromMoment(
  moment: Float64Array | Float32Array,
  featureSize: number,
  directions: number,
): Basis {
  const d = featureSize;
  if (directions >= d) return identityBasis(d);
  const width = Math.min(d, directions + OVERSAMPLING);
  const full = unpack(moment, d);
  const random = createRandom(SEED);
  let q: Float64Array = Float64Array.from({ length: width * d }, () => random.next() - 0.5);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    orthonormalise(q, width, d);
    q = times(q, full, width, d);
  }
  // Modified Gram-Schmidt keeps the order of the iteration, so that the first rows carry most.
  orthonormalise(q, width, d);
  const vectors = Float32Array.from(q.subarray(0, directions * d));
  const basis = { featureSize: d, directions, vectors };
  return { ...basis, checksum: sha256Hex(encodeBasis(basis)) };
}

/** The basis as bytes, which are the same for the same basis. */
export function encodeBasis({
  featureSize,
  directions,
  vectors,
}: Omit<Basis, 'checksum'>): Uint8Array {
  return sealed(MAGIC, { featureSize, directions }, [vectors ?? new Float32Array(0)]);
}

/** @throws HL_FLEET_OBJECT_INVALID */
export function decodeBasis(bytes: Uint8Array): Basis {
  const { header, payload } = openSealed(MAGIC, bytes, 4 * MAX_DIRECTIONS * MAX_FEATURES);
  const { featureSize, directions } = header;
  if (
    !isWhole(featureSize, MAX_FEATURES) ||
    !isWhole(directions, Math.min(MAX_DIRECTIONS, featureSize))
  ) {
    throw invalidObject(`basis of ${String(directions)} x ${String(featureSize)}`);
  }
  if (payload.length !== 4 * directions * featureSize) {
    throw invalidObject(`a basis of ${payload.length} bytes`);
  }
  const vectors = new Float32Array(payload.slice().buffer);
  for (let i = 0; i < directions; i++) {
    const row = Float64Array.from(vectors.subarray(i * featureSize, (i + 1) * featureSize));
    if (!(Math.abs(dot(row, row) - 1) < 1e-3)) throw invalidObject('a direction of another length');
  }
  return { featureSize, directions, vectors, checksum: sha256Hex(bytes) };
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
}

/** Both triangles of a packed lower triangle. */
export function unpack(packed: Float64Array | Float32Array, n: number): Float64Array {
  const full = new Float64Array(n * n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = packed[at++]!;
      full[i * n + j] = value;
      full[j * n + i] = value;
    }
  }
  return full;
}

/** Q M for a symmetric M. */
function times(q: Float64Array, symmetric: Float64Array, rows: number, n: number): Float64Array {
  const out = new Float64Array(rows * n);
  const block = (data: Float64Array) => ({ data, offset: 0, stride: n });
  addProductTransposed(block(out), block(q), rows, block(symmetric), n, n);
  return out;
}

/** Modified Gram-Schmidt, twice, which is enough for orthogonality to rounding. */
function orthonormalise(q: Float64Array, rows: number, n: number): void {
  for (let k = 0; k < rows; k++) {
    const row = q.subarray(k * n, (k + 1) * n);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const other = q.subarray(j * n, (j + 1) * n);
        const shared = dot(row, other);
        for (let i = 0; i < n; i++) row[i] = row[i]! - shared * other[i]!;
      }
    }
    const norm = Math.sqrt(dot(row, row));
    if (norm > 1e-150) for (let i = 0; i < n; i++) row[i] = row[i]! / norm;
    else replaceByUnit(q, k, n);
  }
}

/** Where a moment has fewer directions than wanted: the first axis outside those before. */
function replaceByUnit(q: Float64Array, k: number, n: number): void {
  const row = q.subarray(k * n, (k + 1) * n);
  for (let axis = 0; axis < n; axis++) {
    row.fill(0);
    row[axis] = 1;
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const other = q.subarray(j * n, (j + 1) * n);
        const shared = dot(row, other);
        for (let i = 0; i < n; i++) row[i] = row[i]! - shared * other[i]!;
      }
    }
    const norm = Math.sqrt(dot(row, row));
    if (norm < 0.1) continue;
    for (let i = 0; i < n; i++) row[i] = row[i]! / norm;
    return;
  }
}
