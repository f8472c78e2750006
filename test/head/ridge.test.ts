import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { fitRidge, RIDGE_LAMBDAS } from '../../src/head/learners/ridge.js';
import { prefersDual } from '../../src/head/learners/ridge-system.js';
import { headLogits } from '../../src/head/score.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { transformFeatures } from '../../src/head/transform.js';
import { clusters, Draw, maxDifference, reorder, shuffled, solveDense } from './synthetic.js';

/**
 * Weighted ridge with an unpenalised bias column by its normal equations; the weights are those of
 * the whole set, as the learner keeps them. Returns (d + 1) x C, the bias last.
 */
function plainRidge(set: TrainingSet, rows: number[], lambda: number, w: number[]): number[][] {
  const d = set.featureSize;
  const a = Array.from({ length: d + 1 }, () => new Array<number>(d + 1).fill(0));
  const b = Array.from({ length: d + 1 }, () => new Array<number>(set.classCount).fill(0));
  for (const i of rows) {
    const x = [...set.features.subarray(i * d, i * d + d), 1];
    for (let p = 0; p <= d; p++) {
      for (let q = 0; q <= d; q++) a[p]![q] = a[p]![q]! + w[i]! * x[p]! * x[q]!;
      b[p]![set.labels[i]!] = b[p]![set.labels[i]!]! + w[i]! * x[p]!;
    }
  }
  for (let p = 0; p < d; p++) a[p]![p] = a[p]![p]! + lambda;
  return solveDense(a, b);
}

function balancedWeights(set: TrainingSet): number[] {
  const counts = new Array<number>(set.classCount).fill(0);
  for (const label of set.labels) counts[label]!++;
  return [...set.labels].map((label) => set.rows / (set.classCount * counts[label]!));
}

/** Mean over columns of the weighted, centred sum of squares: the unit of λ. */
function unitOf(set: TrainingSet, w: number[]): number {
  const d = set.featureSize;
  const total = w.reduce((s, v) => s + v, 0);
  let sum = 0;
  for (let j = 0; j < d; j++) {
    const column = w.map((_, i) => set.features[i * d + j]!);
    const mean = column.reduce((s, x, i) => s + w[i]! * x, 0) / total;
    sum += column.reduce((s, x, i) => s + w[i]! * (x - mean) ** 2, 0);
  }
  return sum / d;
}

function refitWithoutEachGroup(set: TrainingSet, lambda: number): number[] {
  const w = balancedWeights(set);
  const d = set.featureSize;
  const out: number[] = [];
  const known = new Map<number, number[][]>();
  for (let i = 0; i < set.rows; i++) {
    if (set.isView[i] === 1) continue;
    const group = set.groups[i]!;
    if (!known.has(group)) {
      const rest = [...set.groups.keys()].filter((r) => set.groups[r] !== group);
      known.set(group, plainRidge(set, rest, lambda * unitOf(set, w), w));
    }
    const solution = known.get(group)!;
    for (let c = 0; c < set.classCount; c++) {
      let z = solution[d]![c]!;
      for (let j = 0; j < d; j++) z += set.features[i * d + j]! * solution[j]![c]!;
      out.push(z);
    }
  }
  return out;
}

/** The learner folds one factor into its outputs: finds it, then compares what remains. */
function differenceUpToScale(logits: Float64Array, outputs: number[]): number {
  const at = outputs.reduce((best, x, i) => (Math.abs(x) > Math.abs(outputs[best]!) ? i : best), 0);
  const scale = logits[at]! / outputs[at]!;
  assert.ok(scale > 0);
  return maxDifference(
    [...logits].map((z) => z / scale),
    outputs,
  );
}

/** Of the first class one row in five is left, one in each group. */
function unevenly(set: TrainingSet): TrainingSet {
  const kept = [...set.labels.keys()].filter((row) => set.labels[row] !== 0 || row % 5 === 0);
  return reorder(set, kept);
}

const shapes: [string, TrainingSet, 'primal' | 'dual'][] = [
  [
    'small groups',
    clusters({ classes: 3, groupsPerClass: 4, perGroup: 3, views: 1, featureSize: 12, seed: 2 }),
    'primal',
  ],
  [
    'groups larger than the features',
    clusters({ classes: 3, groupsPerClass: 2, perGroup: 20, views: 1, featureSize: 9, seed: 3 }),
    'primal',
  ],
  [
    'classes of uneven size',
    unevenly(clusters({ classes: 3, groupsPerClass: 4, perGroup: 5, featureSize: 7, seed: 6 })),
    'primal',
  ],
  [
    'few rows',
    clusters({ classes: 4, groupsPerClass: 3, perGroup: 2, views: 1, featureSize: 80, seed: 4 }),
    'dual',
  ],
  [
    'one row a group',
    clusters({ classes: 3, groupsPerClass: 7, perGroup: 1, featureSize: 50, seed: 5 }),
    'dual',
  ],
];

for (const [name, ordered, form] of shapes) {
  test(`leave-group-out equals refits without each group to 1e-9: ${name} (${form})`, () => {
    const set = reorder(ordered, shuffled(ordered.rows, new Draw(11)));
    assert.equal(prefersDual(set.rows, set.featureSize), form === 'dual');
    for (const lambda of [1e-3, 0.1, 10]) {
      const fit = fitRidge(set, { transform: 'none', lambdas: [lambda] });
      const difference = differenceUpToScale(
        fit.leaveGroupOutLogits,
        refitWithoutEachGroup(set, lambda),
      );
      assert.ok(difference < 1e-9, `λ ${lambda}: ${difference}`);
    }
  });

  test(`weights equal the normal equations: ${name} (${form})`, () => {
    const w = balancedWeights(ordered);
    const d = ordered.featureSize;
    const fit = fitRidge(ordered, { transform: 'none', lambdas: [0.5] });
    const all = [...ordered.labels.keys()];
    const solution = plainRidge(ordered, all, 0.5 * unitOf(ordered, w), w);
    const scale = fit.weights[0]! / solution[0]![0]!;
    for (let c = 0; c < ordered.classCount; c++) {
      assert.ok(Math.abs(fit.bias[c]! / scale - solution[d]![c]!) < 1e-5);
      for (let j = 0; j < d; j++) {
        assert.ok(Math.abs(fit.weights[c * d + j]! / scale - solution[j]![c]!) < 1e-5);
      }
    }
  });
}

test('nine λ are tried, evenly spaced by their logarithm from 10⁻³ to 10²', () => {
  assert.equal(RIDGE_LAMBDAS.length, 9);
  for (const [i, lambda] of RIDGE_LAMBDAS.entries()) {
    assert.ok(Math.abs(Math.log10(lambda) - (-3 + 0.625 * i)) < 1e-12);
  }
});

test('the order of rows changes nothing', () => {
  const set = clusters({ classes: 3, groupsPerClass: 4, perGroup: 3, views: 2, featureSize: 10 });
  const fit = fitRidge(set, { transform: 'sqrt-l2' });
  const other = fitRidge(reorder(set, shuffled(set.rows, new Draw(12))), { transform: 'sqrt-l2' });
  assert.equal(other.lambda, fit.lambda);
  assert.ok(maxDifference(fit.weights, other.weights) < 1e-4);
});

test('the same set gives the same bytes', () => {
  const set = clusters({ classes: 3, groupsPerClass: 4, perGroup: 3, views: 2, featureSize: 10 });
  assert.deepEqual(fitRidge(set, { transform: 'l2' }), fitRidge(set, { transform: 'l2' }));
});

test('a transform inside the fit equals transformed features without one', () => {
  const set = clusters({ classes: 3, groupsPerClass: 4, perGroup: 3, featureSize: 10 });
  const features = transformFeatures(set.features, 10, 'sqrt-l2');
  const inside = fitRidge(set, { transform: 'sqrt-l2' });
  const outside = fitRidge({ ...set, features }, { transform: 'none' });
  assert.deepEqual(inside.leaveGroupOutLogits, outside.leaveGroupOutLogits);
  assert.deepEqual(inside.weights, outside.weights);
});

test('scaling all features leaves answers and the relative λ unchanged', () => {
  const set = clusters({ classes: 3, groupsPerClass: 4, perGroup: 3, featureSize: 10 });
  const scaled = { ...set, features: set.features.map((x) => x * 8) };
  const fit = fitRidge(set, { transform: 'none' });
  const other = fitRidge(scaled, { transform: 'none' });
  assert.equal(fit.lambda, other.lambda);
  assert.ok(maxDifference(fit.leaveGroupOutLogits, other.leaveGroupOutLogits) < 1e-7);
});

test('a twin of every class is learned: accuracy on new groups follows the left-out estimate', () => {
  const options = { classes: 4, groupsPerClass: 8, perGroup: 4, featureSize: 40, separation: 4 };
  const both = clusters({ ...options, groupsPerClass: 16, seed: 9 });
  const train = reorder(
    both,
    [...both.groups.keys()].filter((i) => both.groups[i]! % 2 === 0),
  );
  const fresh = reorder(
    both,
    [...both.groups.keys()].filter((i) => both.groups[i]! % 2 === 1),
  );
  const fit = fitRidge(train, { transform: 'none' });
  const logits = headLogits({ ...fit, featureSize: 40 }, fresh.features);
  let right = 0;
  for (let i = 0; i < fresh.rows; i++) {
    const row = [...logits.subarray(i * 4, i * 4 + 4)];
    if (row.indexOf(Math.max(...row)) === fresh.labels[i]) right++;
  }
  const chosen = fit.candidates.find((candidate) => candidate.lambda === fit.lambda)!;
  assert.ok(chosen.macroF1 > 0.8, `left out ${chosen.macroF1}`);
  assert.ok(Math.abs(right / fresh.rows - chosen.macroF1) < 0.12, `${right / fresh.rows}`);
});

test('one group only: rows are left out one by one, views stay out, and the result says so', () => {
  const set = clusters({ classes: 3, groupsPerClass: 1, perGroup: 6, views: 2, featureSize: 5 });
  const single = { ...set, groups: new Int32Array(set.rows) };
  const fit = fitRidge(single, { transform: 'none', lambdas: [0.1] });
  assert.equal(fit.grouping, 'row');
  assert.equal(fit.leaveGroupOutLogits.length, 18 * 3);
  const originals = reorder(
    set,
    [...set.isView.keys()].filter((i) => set.isView[i] === 0),
  );
  const rows = { ...originals, groups: Int32Array.from(originals.groups.keys()) };
  const difference = differenceUpToScale(fit.leaveGroupOutLogits, refitWithoutEachGroup(rows, 0.1));
  assert.ok(difference < 1e-9, `${difference}`);
});

test('a class of one group is named and kept out of the choice', () => {
  const set = clusters({
    classes: 3,
    groupsPerClass: 4,
    perGroup: 3,
    featureSize: 10,
    separation: 5,
  });
  const one = { ...set, groups: set.groups.map((g, i) => (set.labels[i] === 2 ? 99 : g)) };
  const fit = fitRidge(one, { transform: 'none' });
  assert.deepEqual(fit.singleGroupClasses, [2]);
  assert.ok(Math.min(...fit.candidates.map((c) => c.logLoss)) < 0.4);
  assert.equal(fit.leaveGroupOutLogits.length, 36 * 3);
});

test('sets that cannot be learned are refused', () => {
  const set = clusters({ classes: 2, groupsPerClass: 2, perGroup: 2, featureSize: 3 });
  const bad: Partial<TrainingSet>[] = [
    { classCount: 1 },
    { classCount: 3 },
    { rows: 7 },
    { features: set.features.map((x, i) => (i === 4 ? Number.NaN : x)) },
    { labels: set.labels.map((x, i) => (i === 0 ? -1 : x)) },
    { isView: new Uint8Array(set.rows).fill(1) },
  ];
  for (const change of bad) {
    assert.throws(
      () => fitRidge({ ...set, ...change }, { transform: 'none' }),
      (e) => isHeadlandError(e, 'HL_TRAINING_SET_INVALID'),
      JSON.stringify(Object.keys(change)),
    );
  }
});

test('an aborted fit ends', () => {
  const set = clusters({ classes: 2, groupsPerClass: 2, perGroup: 2, featureSize: 3 });
  assert.throws(
    () => fitRidge(set, { transform: 'none', signal: AbortSignal.abort() }),
    (e) => isHeadlandError(e, 'HL_TRAINING_CANCELLED'),
  );
});

test('features that are all equal still give a head that answers evenly', () => {
  const set = clusters({ classes: 2, groupsPerClass: 3, perGroup: 2, featureSize: 3 });
  const flat = { ...set, features: new Float32Array(set.features.length).fill(2) };
  const fit = fitRidge(flat, { transform: 'none' });
  assert.ok(fit.weights.every((w) => w === 0));
  assert.ok(Math.abs(fit.bias[0]! - fit.bias[1]!) < 1e-6);
});
