import { indexOfLargest } from '../../src/head/score.js';
import type { LabelledSums } from '../../src/head/sums/blend.js';
import {
  type CandidateAnswers,
  type Candidates,
  candidatesOf,
  chooseCandidate,
  judgeCandidates,
} from '../../src/head/sums/candidates.js';
import { flatLength, flatten, unflatten } from '../../src/head/sums/class-sums.js';
import { ExactSums } from '../../src/head/sums/exact-sums.js';
import { gaussiansFromSums } from '../../src/head/sums/gaussian-sums.js';
import { type RidgeHeads, ridgeFromSums } from '../../src/head/sums/ridge-sums.js';
import { sumsByClass } from '../../src/head/sums/task-sums.js';
import { type Material, type Projected, pickRows } from './fleet-material.js';

/** Default of the hub's setting of the same name. */
const EVALUATION_ROBOTS = 64;

/** Sums of some rows; every photo counts once. */
export function sumsOf(
  { labels }: Pick<Material, 'labels'>,
  { basis, z }: Projected,
  rows: readonly number[],
): LabelledSums[] {
  const own = rows.map((row) => labels[row]!);
  const shares = new Float64Array(rows.length).fill(1);
  return sumsByClass(pickRows(z, basis.directions, rows), basis.directions, own, shares);
}

/** Adds and subtracts sums of robots, exactly, as the hub does. */
export class Merged {
  readonly #byLabel = new Map<string, ExactSums>();

  constructor(
    private readonly directions: number,
    fleet: Iterable<readonly LabelledSums[]>,
  ) {
    for (const own of fleet) this.add(own);
  }

  add(own: readonly LabelledSums[]): void {
    for (const { label, sums } of own) this.#of(label).add(flatten(sums));
  }

  subtract(own: readonly LabelledSums[]): void {
    for (const { label, sums } of own) this.#of(label).subtract(flatten(sums));
  }

  classes(): LabelledSums[] {
    return [...this.#byLabel]
      .map(([label, sums]) => ({ label, sums: unflatten(sums.value(), this.directions) }))
      .filter(({ sums }) => sums.samples > 0)
      .sort((a, b) => (a.label < b.label ? -1 : 1));
  }

  #of(label: string): ExactSums {
    const known = this.#byLabel.get(label);
    if (known) return known;
    const sums = new ExactSums(flatLength(this.directions));
    this.#byLabel.set(label, sums);
    return sums;
  }
}

export interface LeftOut {
  /** What `chooseCandidate` chose; null: no robot knows a class that others know. */
  choice: ReturnType<typeof chooseCandidate>;
  /** The candidates and answers of one robot, for their sizes. */
  example: { candidates: Candidates; answers: CandidateAnswers } | null;
}

/** λ and scale by heads that each robot judges and that were made without it. */
export function leaveRobotsOut(
  material: Material,
  inBasis: Projected,
  parts: readonly (readonly number[])[],
  fleet: readonly LabelledSums[][],
  lambdas: readonly number[],
): LeftOut {
  const { basis, z } = inBasis;
  const merged = new Merged(basis.directions, fleet);
  const answers: CandidateAnswers[] = [];
  let example: LeftOut['example'] = null;
  for (const [robot, rows] of parts.entries()) {
    if (answers.length === EVALUATION_ROBOTS || rows.length === 0) continue;
    merged.subtract(fleet[robot]!);
    const others = merged.classes();
    merged.add(fleet[robot]!);
    if (others.length < 2) continue;
    const candidates = candidatesOf(ridgeFromSums(others), gaussiansFromSums(others));
    const labels = rows.map((row) => material.labels[row]!);
    const shares = new Float64Array(rows.length).fill(1);
    const own = pickRows(z, basis.directions, rows);
    answers.push(judgeCandidates(candidates, own, labels, shares));
    example ??= { candidates, answers: answers[0]! };
  }
  return { choice: chooseCandidate(answers, lambdas), example };
}

/** Outputs of the head of one λ. @param z rows x k. @returns rows x C */
export function outputs(heads: RidgeHeads, l: number, z: Float64Array): Float64Array {
  const c = heads.labels.length;
  const weights = heads.weights[l]!;
  const k = weights.length / c;
  const out = new Float64Array((z.length / k) * c);
  for (let row = 0; row * k < z.length; row++) {
    for (let i = 0; i < c; i++) {
      let value = heads.bias[l]![i]!;
      for (let j = 0; j < k; j++) value += weights[i * k + j]! * z[row * k + j]!;
      out[row * c + i] = value;
    }
  }
  return out;
}

/** Share of the test rows that the head of one λ answers right. */
export function accuracyOf(
  { test, labels }: Material,
  { basis, z }: Projected,
  heads: RidgeHeads,
  l: number,
): number {
  const c = heads.labels.length;
  const out = outputs(heads, l, pickRows(z, basis.directions, test));
  const right = test.filter(
    (row, i) => heads.labels[indexOfLargest(out, i * c, c)] === labels[row],
  );
  return right.length / test.length;
}

/**
 * Outputs for the test rows of a class-balanced ridge on all training rows in one place, by another way
 * than that of the sums: the dual system of the rows, by Cholesky's method.
 */
export function pooledOutputs(
  { train, test, labels }: Material,
  { basis: { directions: k }, z }: Projected,
  lambda: number,
): Float64Array {
  const names = [...new Set(train.map((row) => labels[row]!))].sort();
  const n = train.length;
  const roots = train.map((row) => {
    const own = train.filter((other) => labels[other] === labels[row]).length;
    return Math.sqrt(n / (names.length * own));
  });
  const { x, mean, trace } = centred(pickRows(z, k, train), k, roots);
  const a = products(x, k, (lambda * trace) / k);
  factorise(a, n);
  const t = pickRows(z, k, test);
  const out = new Float64Array(test.length * names.length);
  for (const [c, name] of names.entries()) {
    const y = Float64Array.from(train, (row, i) => {
      return roots[i]! * (Number(labels[row] === name) - 1 / names.length);
    });
    solve(a, n, y);
    const w = new Float64Array(k);
    for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) w[j]! += y[i]! * x[i * k + j]!;
    for (let row = 0; row < test.length; row++) {
      let value = 1 / names.length;
      for (let j = 0; j < k; j++) value += w[j]! * (t[row * k + j]! - mean[j]!);
      out[row * names.length + c] = value;
    }
  }
  return out;
}

/** Rows without their weighted mean, times the roots of their weights. */
function centred(x: Float64Array, k: number, roots: readonly number[]) {
  const mean = new Float64Array(k);
  for (const [i, root] of roots.entries()) {
    for (let j = 0; j < k; j++) mean[j]! += (root * root * x[i * k + j]!) / roots.length;
  }
  let trace = 0;
  for (const [i, root] of roots.entries()) {
    for (let j = 0; j < k; j++) {
      const value = root * (x[i * k + j]! - mean[j]!);
      x[i * k + j] = value;
      trace += value * value;
    }
  }
  return { x, mean, trace };
}

/** X Xᵀ + shift, lower triangle. */
function products(x: Float64Array, k: number, shift: number): Float64Array {
  const n = x.length / k;
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let value = i === j ? shift : 0;
      for (let m = 0; m < k; m++) value += x[i * k + m]! * x[j * k + m]!;
      a[i * n + j] = value;
    }
  }
  return a;
}

/** A = L Lᵀ in place, lower triangle. */
function factorise(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let value = a[i * n + j]!;
      for (let m = 0; m < j; m++) value -= a[i * n + m]! * a[j * n + m]!;
      a[i * n + j] = i === j ? Math.sqrt(value) : value / a[j * n + j]!;
    }
  }
}

/** Solves L Lᵀ x = y in place. */
function solve(l: Float64Array, n: number, y: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let m = 0; m < i; m++) y[i]! -= l[i * n + m]! * y[m]!;
    y[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let m = i + 1; m < n; m++) y[i]! -= l[m * n + i]! * y[m]!;
    y[i]! /= l[i * n + i]!;
  }
}
