import type { TrainingSet } from '../../src/head/training-set.js';

/** Seeded generator of the tests: mulberry32 and Box-Muller. */
export class Draw {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
  normals(n: number): Float64Array {
    return Float64Array.from({ length: n }, () => this.normal());
  }
}

export interface ClusterOptions {
  classes: number;
  groupsPerClass: number;
  perGroup: number;
  views?: number;
  featureSize: number;
  /** Distance of class means from the origin, in units of the noise within a group. */
  separation?: number;
  groupEffect?: number;
  seed?: number;
}

/** Gaussian classes whose groups lie apart from each other, as passes of a robot do. */
export function clusters(options: ClusterOptions): TrainingSet {
  const { classes, groupsPerClass, perGroup, featureSize: d } = options;
  const { views = 0, separation = 1, groupEffect = 0.5, seed = 1 } = options;
  const draw = new Draw(seed);
  const rows: Row[] = [];
  for (let c = 0; c < classes; c++) {
    const mean = draw.normals(d).map((x) => ((x * separation) / Math.sqrt(d)) * 2);
    for (let g = 0; g < groupsPerClass; g++) {
      const shift = draw.normals(d).map((x, j) => mean[j]! + groupEffect * x);
      const place = { label: c, group: c * groupsPerClass + g };
      for (let i = 0; i < perGroup; i++) {
        const sample = draw.normals(d).map((x, j) => shift[j]! + x + 1);
        rows.push(...withViews(sample, views, place, draw));
      }
    }
  }
  return {
    features: Float32Array.from(rows.flatMap(({ features }) => [...features])),
    rows: rows.length,
    featureSize: d,
    labels: Int32Array.from(rows, ({ label }) => label),
    groups: Int32Array.from(rows, ({ group }) => group),
    isView: Uint8Array.from(rows, ({ isView }) => Number(isView)),
    classCount: classes,
  };
}

interface Row {
  features: Float64Array;
  label: number;
  group: number;
  isView: boolean;
}

/** A sample and views of it: the sample and a little noise. */
function withViews(
  sample: Float64Array,
  views: number,
  place: { label: number; group: number },
  draw: Draw,
): Row[] {
  const rows: Row[] = [{ features: sample, ...place, isView: false }];
  for (let v = 0; v < views; v++) {
    rows.push({ features: sample.map((x) => x + 0.3 * draw.normal()), ...place, isView: true });
  }
  return rows;
}

/** The rows of a set in another order. */
export function reorder(set: TrainingSet, order: readonly number[]): TrainingSet {
  const d = set.featureSize;
  const features = new Float32Array(order.length * d);
  for (const [i, row] of order.entries()) {
    features.set(set.features.subarray(row * d, row * d + d), i * d);
  }
  return {
    ...set,
    features,
    rows: order.length,
    labels: Int32Array.from(order, (row) => set.labels[row]!),
    groups: Int32Array.from(order, (row) => set.groups[row]!),
    isView: Uint8Array.from(order, (row) => set.isView[row]!),
  };
}

export function shuffled(n: number, draw: Draw): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = draw.int(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Gaussian elimination with partial pivoting: the slow and plain way, to check the fast ones. */
export function solveDense(a: readonly number[][], b: readonly number[][]): number[][] {
  const n = a.length;
  const m = a.map((row, i) => [...row, ...b[i]!]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i]![k]!) > Math.abs(m[pivot]![k]!)) pivot = i;
    [m[k], m[pivot]] = [m[pivot]!, m[k]!];
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = m[i]![k]! / m[k]![k]!;
      if (factor === 0) continue;
      for (let j = k; j < m[i]!.length; j++) m[i]![j] = m[i]![j]! - factor * m[k]![j]!;
    }
  }
  return m.map((row, i) => row.slice(n).map((x) => x / row[i]!));
}

/** Share of (positive, negative) pairs in which the positive scores higher, ties one half; null without a pair. */
export function shareOfOrderedPairs(
  positives: readonly number[],
  negatives: readonly number[],
): number | null {
  const won = positives.flatMap((a) => negatives.map((b) => (Math.sign(a - b) + 1) / 2));
  return won.length === 0 ? null : won.reduce((sum, x) => sum + x, 0) / won.length;
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
