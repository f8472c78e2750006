import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { RecursiveRidge } from '../../src/head/learners/recursive-ridge.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { clusters, Draw, maxDifference, shuffled, solveDense } from './synthetic.js';

const set = clusters({ classes: 5, groupsPerClass: 3, perGroup: 4, featureSize: 24, seed: 6 });

function learn(order: number[], weight = 1): RecursiveRidge {
  const ridge = new RecursiveRidge({ featureSize: 24, lambda: 0.7, biasLambda: 0.01 });
  for (const i of order) ridge.add(row(set, i), set.labels[i]!, weight);
  return ridge;
}

function row(of: TrainingSet, i: number): Float32Array {
  return of.features.subarray(i * of.featureSize, (i + 1) * of.featureSize);
}

const inClassOrder = [...set.labels.keys()];

test('learning row by row equals the normal equations', () => {
  const d = set.featureSize;
  const a: number[][] = Array.from({ length: d + 1 }, (_, i) =>
    Array.from({ length: d + 1 }, (_, j) => (i !== j ? 0 : i < d ? 0.7 : 0.01)),
  );
  const b = Array.from({ length: d + 1 }, () => new Array<number>(5).fill(0));
  for (let i = 0; i < set.rows; i++) {
    const x = [...row(set, i), 1];
    for (let p = 0; p <= d; p++) {
      for (let q = 0; q <= d; q++) a[p]![q] = a[p]![q]! + 3 * x[p]! * x[q]!;
      b[p]![set.labels[i]!] = b[p]![set.labels[i]!]! + 3 * x[p]!;
    }
  }
  const expected = solveDense(a, b);
  const { weights, bias } = learn(inClassOrder, 3).weights();
  for (let c = 0; c < 5; c++) {
    assert.ok(Math.abs(bias[c]! - expected[d]![c]!) < 1e-9);
    for (let j = 0; j < d; j++) {
      assert.ok(Math.abs(weights[c * d + j]! - expected[j]![c]!) < 1e-9);
    }
  }
});

test('class after class gives the head of all at once to 1e-6: nothing is forgotten', () => {
  const incremental = learn(inClassOrder).weights();
  const mixed = learn(shuffled(set.rows, new Draw(2))).weights();
  assert.ok(maxDifference(incremental.weights, mixed.weights) < 1e-6);
  assert.ok(maxDifference(incremental.bias, mixed.bias) < 1e-6);
});

test('remove is the exact inverse of add, in any order', () => {
  const before = learn(inClassOrder);
  const expected = before.weights();
  const extra = clusters({ classes: 5, groupsPerClass: 2, perGroup: 5, featureSize: 24, seed: 7 });
  for (let i = 0; i < extra.rows; i++) before.add(row(extra, i), extra.labels[i]!);
  assert.ok(maxDifference(before.weights().weights, expected.weights) > 1e-3);
  for (const i of shuffled(extra.rows, new Draw(3))) before.remove(row(extra, i), extra.labels[i]!);
  assert.equal(before.rows, set.rows);
  assert.ok(maxDifference(before.weights().weights, expected.weights) < 1e-9);
});

test('a relabelled row leaves no trace of its first label', () => {
  const ridge = learn(inClassOrder);
  ridge.remove(row(set, 0), 0);
  ridge.add(row(set, 0), 4);
  const other = new RecursiveRidge({ featureSize: 24, lambda: 0.7, biasLambda: 0.01 });
  for (const i of inClassOrder) other.add(row(set, i), i === 0 ? 4 : set.labels[i]!);
  assert.ok(maxDifference(ridge.weights().weights, other.weights().weights) < 1e-9);
});

test('rounding stays small over thousands of changes', () => {
  const ridge = learn(inClassOrder);
  const expected = ridge.weights().weights;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < set.rows; i++) ridge.add(row(set, i), set.labels[i]!);
    for (let i = 0; i < set.rows; i++) ridge.remove(row(set, i), set.labels[i]!);
  }
  assert.ok(maxDifference(ridge.weights().weights, expected) < 1e-8);
});

test('what cannot be learned or unlearned is refused and changes nothing', () => {
  const ridge = learn(inClassOrder);
  const before = ridge.weights();
  const refused = (act: () => void) =>
    assert.throws(
      act,
      (e) =>
        isHeadlandError(e, 'HL_RIDGE_INVALID') ||
        isHeadlandError(e, 'HL_MATRIX_NOT_POSITIVE_DEFINITE'),
    );
  refused(() => ridge.add(new Float32Array(23), 0));
  refused(() => ridge.add(new Float32Array(24).fill(Number.NaN), 0));
  refused(() => ridge.add(row(set, 0), 0.5));
  refused(() => ridge.add(row(set, 0), 0, 0));
  refused(() => ridge.remove(row(set, 0), 9));
  refused(() => ridge.remove(new Float32Array(24).fill(1e4), 0));
  refused(() => new RecursiveRidge({ featureSize: 24, lambda: 0 }));
  assert.deepEqual(ridge.weights(), before);
});
