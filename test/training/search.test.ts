import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SoftmaxEngine } from '../../src/head/softmax.js';
import { fitSoftmax, fitSoftmaxWith } from '../../src/head/softmax.js';
import { parameterCount, SoftmaxObjective } from '../../src/head/softmax-objective.js';
import { groupingOf, type TrainingSet } from '../../src/head/train.js';
import {
  blended,
  calibrated,
  fitRecipe,
  mostViews,
  withViews,
} from '../../src/training/recipes.js';
import { searchRecipes } from '../../src/training/search.js';
import { OnnxSoftmaxEngine } from '../../src/training/softmax-engine.js';
import { clusters, Draw } from '../head/synthetic.js';

function sampled(options: { views: number; separation: number }): TrainingSet {
  const set = clusters({
    ...{ classes: 3, groupsPerClass: 5, perGroup: 3, featureSize: 20, seed: 3 },
    ...options,
  });
  let sample = -1;
  const samples = Int32Array.from(set.isView, (isView) => (isView === 0 ? ++sample : sample));
  return { ...set, samples };
}

/** The typed-array path in the clothes of the fast one. */
const reference: SoftmaxEngine = {
  evaluate: async (data, parameters, lambda, gradient) =>
    new SoftmaxObjective(data).evaluate(parameters, lambda, gradient),
};

test('the ONNX objective and its gradient equal the typed arrays', async () => {
  const draw = new Draw(6);
  const engine = await OnnxSoftmaxEngine.create(1);
  for (const [rows, features, classes] of [
    [1, 3, 2],
    [37, 20, 3],
    [200, 64, 7],
  ] as const) {
    const data = {
      x: Float32Array.from(draw.normals(rows * features)),
      labels: Int32Array.from({ length: rows }, () => draw.int(classes)),
      weights: Float64Array.from({ length: rows }, (_, i) =>
        rows > 1 && i % 7 === 0 ? 0 : 1 + draw.uniform(),
      ),
      ...{ rows, features, classes },
    };
    const at = draw.normals(parameterCount(features, classes));
    const [exact, fast] = [new Float64Array(at.length), new Float64Array(at.length)];
    const value = new SoftmaxObjective(data).evaluate(at, 0.2, exact);
    const other = await engine.evaluate(data, at, 0.2, fast);
    assert.ok(Math.abs(other / value - 1) < 1e-6, `${other}, expected ${value}`);
    exact.forEach((slope, i) => {
      assert.ok(Math.abs(slope - (fast[i] as number)) < 1e-5, `${i}: ${fast[i]}, not ${slope}`);
    });
  }
  await engine.close();
});

test('a fit through ONNX Runtime equals the fit in typed arrays', async () => {
  const engine = await OnnxSoftmaxEngine.create(1);
  const set = sampled({ views: 2, separation: 2 });
  const fast = await fitSoftmaxWith(engine, set, { transform: 'l2' });
  const slow = fitSoftmax(set, { transform: 'l2' });
  assert.equal(fast.lambda, slow.lambda);
  for (const [i, weight] of slow.weights.entries()) {
    assert.ok(Math.abs(weight - (fast.weights[i] as number)) < 1e-2 * (1 + Math.abs(weight)));
  }
  await engine.close();
});

test('the search tries learners, transforms and numbers of views, and marks one as chosen', async () => {
  const set = sampled({ views: 4, separation: 2 });
  const steps: [number, number][] = [];
  const { chosen, table } = await searchRecipes(set, {
    ...{ learners: ['ridge', 'softmax', 'blend'], budgetMs: 600_000, engine: reference },
    onCandidate: (done, total) => steps.push([done, total]),
  });
  assert.deepEqual(
    new Set(table.map((row) => row.learner)),
    new Set(['ridge', 'softmax', 'blend']),
  );
  assert.deepEqual(
    new Set(table.map((row) => row.transform)),
    new Set(['none', 'l2', 'sqrt', 'sqrt-l2']),
  );
  assert.deepEqual(new Set(table.map((row) => row.views)), new Set([4, 2, 0]));
  assert.equal(table.filter((row) => row.chosen).length, 1);
  assert.equal(table.find((row) => row.chosen)?.macroLogLoss, chosen.macroLogLoss);
  assert.deepEqual(steps.at(-1), [6, 6]);
});

test('without time the first recipe is still fitted', async () => {
  const set = sampled({ views: 1, separation: 2 });
  for (const learners of [['ridge', 'softmax'], ['softmax'], ['blend']] as const) {
    const { chosen, table } = await searchRecipes(set, {
      learners,
      budgetMs: 0,
      engine: reference,
    });
    assert.equal(table.length, 1);
    assert.equal(chosen.fit.transform, 'l2');
  }
});

test('a softmax that does not end in time is given up', async () => {
  const never: SoftmaxEngine = {
    evaluate: async (data, parameters, lambda, gradient) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return reference.evaluate(data, parameters, lambda, gradient);
    },
  };
  const { chosen, table } = await searchRecipes(sampled({ views: 0, separation: 2 }), {
    ...{ learners: ['ridge', 'softmax'], budgetMs: 300, engine: never },
  });
  assert.equal(chosen.learner, 'ridge');
  assert.ok(table.every((row) => row.learner === 'ridge'));
});

test('a transform that is better beyond chance takes the place of the preferred one', async () => {
  // All that tells the classes apart is the length of the feature vector, which l2 takes away.
  const draw = new Draw(2);
  const rows = 120;
  const features = new Float32Array(rows * 4);
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 2);
  for (let i = 0; i < rows; i++) {
    const length = labels[i] === 1 ? 4 : 1;
    for (let j = 0; j < 4; j++) features[i * 4 + j] = length * (1 + 0.1 * draw.normal());
  }
  const groups = Int32Array.from({ length: rows }, (_, i) => i >> 2);
  const { chosen } = await searchRecipes(
    { features, rows, featureSize: 4, labels, groups, isView: new Uint8Array(rows), classCount: 2 },
    { learners: ['ridge', 'softmax'], budgetMs: 600_000, engine: reference },
  );
  assert.ok(chosen.fit.transform === 'none' || chosen.fit.transform === 'sqrt');
  assert.equal(chosen.macroF1, 1);
});

test('a blend is one linear head: its logits are the mean of the calibrated ones', () => {
  const set = sampled({ views: 1, separation: 1 });
  const ridge = fitRecipe(set, 'ridge', 'l2');
  const softmax = fitRecipe(set, 'softmax', 'l2');
  const blend = blended(set, ridge, softmax);
  blend.fit.weights.forEach((weight, i) => {
    const expected =
      (ridge.fit.weights[i] as number) / ridge.temperature / 2 +
      (softmax.fit.weights[i] as number) / softmax.temperature / 2;
    assert.ok(Math.abs(weight - expected) <= 1e-5 * (1 + Math.abs(expected)));
  });
  const again = fitRecipe(set, 'blend', 'l2', blend.fit.lambda);
  assert.ok(Math.abs(again.macroLogLoss - blend.macroLogLoss) < 1e-2);
  assert.equal(calibrated(set, 'blend', blend.fit).macroLogLoss, blend.macroLogLoss);
});

test('views are left out from the last one on, originals and their order stay', () => {
  const set = sampled({ views: 3, separation: 1 });
  const two = withViews(set, 2);
  assert.equal(mostViews(two), 2);
  assert.equal(two.rows, (set.rows / 4) * 3);
  assert.deepEqual(withViews(two, 3), two);
  const none = withViews(set, 0);
  assert.ok(none.isView.every((flag) => flag === 0));
  assert.deepEqual(none.features.subarray(0, 20), set.features.subarray(0, 20));
  assert.equal(mostViews(none), 0);
});

test('where rows are left out one by one, views go with the sample they came from', () => {
  const set = { ...sampled({ views: 2, separation: 1 }) };
  set.groups = new Int32Array(set.rows);
  const grouping = groupingOf(set);
  assert.equal(grouping.kind, 'row');
  assert.equal(grouping.rows.length, set.rows);
  assert.equal(grouping.groupCount, set.rows / 3);
  for (const [i, group] of grouping.groups.entries()) assert.equal(group, set.samples?.[i]);
  const { samples: _, ...unknown } = set;
  assert.equal(groupingOf(unknown).rows.length, set.rows / 3);
});
