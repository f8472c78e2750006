import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { minimise } from '../../src/head/algebra/lbfgs.js';
import { fitSoftmax } from '../../src/head/learners/softmax.js';
import { parameterCount, SoftmaxObjective } from '../../src/head/learners/softmax-objective.js';
import { headLogits, softmaxRows } from '../../src/head/score.js';
import type { LinearFit, TrainingSet } from '../../src/head/training-set.js';
import { readOracle } from './oracle.js';
import { clusters, Draw, maxDifference, reorder } from './synthetic.js';

interface SoftmaxCase {
  lambda: number;
  classes: number;
  featureSize: number;
  labels: number[];
  features: number[];
  objective: number;
  probabilities: number[];
}

function balanced(set: TrainingSet): number[] {
  const counts = new Array<number>(set.classCount).fill(0);
  for (const label of set.labels) counts[label]!++;
  return [...set.labels].map((label) => set.rows / (set.classCount * counts[label]!));
}

function probabilitiesOf(fit: LinearFit, set: TrainingSet): Float64Array {
  const p = headLogits({ ...fit, featureSize: set.featureSize }, set.features);
  softmaxRows(p, set.classCount);
  return p;
}

/** Every feature brought to weighted mean 0 and deviation 1, as the oracle's are. */
function standardised(set: TrainingSet): TrainingSet {
  const w = balanced(set);
  const total = w.reduce((a, b) => a + b, 0);
  const d = set.featureSize;
  const features = set.features.slice();
  for (let j = 0; j < d; j++) {
    const column = w.map((_, i) => set.features[i * d + j]!);
    const mean = column.reduce((s, x, i) => s + (w[i]! / total) * x, 0);
    const variance = column.reduce((s, x, i) => s + (w[i]! / total) * (x - mean) ** 2, 0);
    for (let i = 0; i < set.rows; i++) {
      features[i * d + j] = (column[i]! - mean) / Math.sqrt(variance);
    }
  }
  return { ...set, features };
}

/** The objective by its definition, from the head alone: features have deviation 1. */
function objectiveOf(fit: LinearFit, set: TrainingSet, lambda: number): number {
  const w = balanced(set);
  const total = w.reduce((a, b) => a + b, 0);
  const p = probabilitiesOf(fit, set);
  let value = 0;
  for (let i = 0; i < set.rows; i++) {
    value -= (w[i]! / total) * Math.log(p[i * set.classCount + set.labels[i]!]!);
  }
  for (const weight of fit.weights) value += (lambda / 2) * weight ** 2;
  return value;
}

test("the objective at our optimum equals scikit-learn's to 5 digits, and so do probabilities", () => {
  for (const one of readOracle<SoftmaxCase>('softmax')) {
    const rows = one.labels.length;
    const set = standardised({
      features: Float32Array.from(one.features),
      rows,
      featureSize: one.featureSize,
      labels: Int32Array.from(one.labels),
      groups: Int32Array.from(one.labels.keys()),
      isView: new Uint8Array(rows),
      classCount: one.classes,
    });
    const fit = fitSoftmax(set, { transform: 'none', lambdas: [one.lambda] });
    const value = objectiveOf(fit, set, one.lambda);
    assert.ok(Math.abs(value / one.objective - 1) < 1e-5, `${value}, expected ${one.objective}`);
    const difference = maxDifference(probabilitiesOf(fit, set), one.probabilities);
    assert.ok(difference < 5e-3, `λ ${one.lambda}: ${difference}`);
  }
});

test('the gradient equals finite differences, for odd and even sizes and left-out rows', () => {
  const draw = new Draw(4);
  for (const [rows, d, classes] of [
    [1, 1, 2],
    [7, 5, 3],
    [33, 8, 4],
    [70, 6, 5],
  ] as const) {
    const n = parameterCount(d, classes);
    const objective = new SoftmaxObjective({
      x: Float32Array.from(draw.normals(rows * d)),
      labels: Int32Array.from({ length: rows }, () => draw.int(classes)),
      weights: Float64Array.from({ length: rows }, (_, i) =>
        rows > 1 && i % 5 === 0 ? 0 : 1 + draw.uniform(),
      ),
      rows,
      features: d,
      classes,
    });
    const at = draw.normals(n);
    const gradient = new Float64Array(n);
    objective.evaluate(at, 0.3, gradient);
    const ignored = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      const moved = at.slice();
      moved[k] = at[k]! + 1e-5;
      const up = objective.evaluate(moved, 0.3, ignored);
      moved[k] = at[k]! - 1e-5;
      const down = objective.evaluate(moved, 0.3, ignored);
      const numeric = (up - down) / 2e-5;
      assert.ok(Math.abs(numeric - gradient[k]!) < 1e-8, `${rows} x ${d} x ${classes}, ${k}`);
    }
  }
});

test('rows of weight 0 do not take part', () => {
  const draw = new Draw(5);
  const x = Float32Array.from(draw.normals(80 * 6));
  const labels = Int32Array.from({ length: 80 }, () => draw.int(3));
  const base = { features: 6, classes: 3 };
  const part = new SoftmaxObjective({
    ...base,
    x,
    labels,
    rows: 80,
    weights: Float64Array.from({ length: 80 }, (_, i) => (i < 50 ? 1 : 0)),
  });
  const alone = new SoftmaxObjective({
    ...base,
    x: x.slice(0, 300),
    labels: labels.slice(0, 50),
    rows: 50,
    weights: new Float64Array(50).fill(1),
  });
  const at = draw.normals(parameterCount(6, 3));
  const [g1, g2] = [at.slice(), at.slice()];
  assert.ok(Math.abs(part.evaluate(at, 0.1, g1) - alone.evaluate(at, 0.1, g2)) < 1e-12);
  assert.ok(maxDifference(g1, g2) < 1e-12);
  assert.ok(maxDifference(part.logits(at, 3, 45), alone.logits(at, 3, 45)) < 1e-12);
});

test('minimise finds the minimum of a badly scaled quadratic', () => {
  const x = new Float64Array(20).fill(1);
  const result = minimise(
    (at, g) => {
      let value = 0;
      for (let i = 0; i < 20; i++) {
        const scale = 10 ** (i / 4);
        value += (scale * (at[i]! - i) ** 2) / 2;
        g[i] = scale * (at[i]! - i);
      }
      return value;
    },
    x,
    { isDone: (_, g) => Math.hypot(...g) < 1e-6, maxIterations: 2000 },
  );
  assert.ok(result.converged);
  assert.ok(maxDifference(x, [...x.keys()]) < 1e-5);
});

const set = clusters({
  classes: 3,
  groupsPerClass: 6,
  perGroup: 4,
  views: 1,
  featureSize: 16,
  separation: 3,
});

test('the same set gives the same bytes', () => {
  assert.deepEqual(fitSoftmax(set, { transform: 'l2' }), fitSoftmax(set, { transform: 'l2' }));
});

test('scaling or shifting features changes no answer', () => {
  const fit = fitSoftmax(set, { transform: 'none' });
  const moved = { ...set, features: set.features.map((x) => 4 * x + 3) };
  const other = fitSoftmax(moved, { transform: 'none' });
  assert.equal(other.lambda, fit.lambda);
  assert.ok(maxDifference(fit.leaveGroupOutLogits, other.leaveGroupOutLogits) < 1e-3);
});

test('classes under other numbers give the same answers under those numbers', () => {
  const next = { ...set, labels: set.labels.map((label) => (label + 1) % 3) };
  const p = probabilitiesOf(fitSoftmax(set, { transform: 'none', lambdas: [0.1] }), set);
  const q = probabilitiesOf(fitSoftmax(next, { transform: 'none', lambdas: [0.1] }), set);
  let largest = 0;
  for (let i = 0; i < p.length; i++) {
    const at = i - (i % 3) + ((i + 1) % 3);
    largest = Math.max(largest, Math.abs(p[i]! - q[at]!));
  }
  assert.ok(largest < 2e-3, `${largest}`);
});

test('left-out logits come from fits that never saw the group, views included', () => {
  // The features say nothing but which group a row is of: whoever saw the group knows the class.
  const draw = new Draw(8);
  const leak = clusters({
    classes: 2,
    groupsPerClass: 15,
    perGroup: 2,
    views: 2,
    featureSize: 30,
    separation: 0,
  });
  const features = leak.features.map((x) => 0.01 * x);
  for (let i = 0; i < leak.rows; i++)
    features[i * 30 + leak.groups[i]!] = 10 + 0.01 * draw.normal();
  const fit = fitSoftmax({ ...leak, features }, { transform: 'none' });
  const p = probabilitiesOf(fit, { ...leak, features });
  const right = (values: Float64Array, labels: ArrayLike<number>) =>
    [...Array.from(labels).keys()].filter(
      (i) => Number(values[2 * i + 1]! > values[2 * i]!) === labels[i],
    ).length;
  assert.ok(right(p, leak.labels) > 0.9 * leak.rows);
  const originals = leak.labels.filter((_, i) => leak.isView[i] === 0);
  assert.ok(right(fit.leaveGroupOutLogits, originals) < 0.8 * originals.length);
});

test('left-out logits stand in the order of rows, whatever the order of groups', () => {
  const order = [...set.labels.keys()].reverse();
  const fit = fitSoftmax(set, { transform: 'none', lambdas: [0.1] });
  const reversed = fitSoftmax(reorder(set, order), { transform: 'none', lambdas: [0.1] });
  const n0 = fit.leaveGroupOutLogits.length / 3;
  const back = new Float64Array(n0 * 3);
  for (let i = 0; i < n0; i++) {
    back.set(reversed.leaveGroupOutLogits.subarray((n0 - 1 - i) * 3, (n0 - i) * 3), i * 3);
  }
  assert.ok(maxDifference(back, fit.leaveGroupOutLogits) < 0.05);
});

test('one group only: folds over rows, and the result says so', () => {
  const fit = fitSoftmax({ ...set, groups: new Int32Array(set.rows) }, { transform: 'none' });
  assert.equal(fit.grouping, 'row');
  assert.equal(fit.leaveGroupOutLogits.length, 72 * 3);
});

test('a class of one group gets finite left-out logits', () => {
  const one = { ...set, groups: set.groups.map((g, i) => (set.labels[i] === 2 ? 99 : g)) };
  const fit = fitSoftmax(one, { transform: 'none' });
  assert.deepEqual(fit.singleGroupClasses, [2]);
  assert.ok(fit.leaveGroupOutLogits.every(Number.isFinite));
});

test('coarse to fine tries the neighbours of the best and says what it tried', () => {
  const fit = fitSoftmax(set, { transform: 'none' });
  const lambdas = fit.candidates.map((c) => c.lambda);
  assert.deepEqual(
    lambdas,
    [...lambdas].sort((a, b) => b - a),
  );
  assert.ok(lambdas.includes(fit.lambda));
  assert.ok(fit.iterations! > 0);
});

test('an aborted fit ends', () => {
  assert.throws(
    () => fitSoftmax(set, { transform: 'none', signal: AbortSignal.abort() }),
    (e) => isHeadlandError(e, 'HL_TRAINING_CANCELLED'),
  );
});
