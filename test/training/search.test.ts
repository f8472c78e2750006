import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitRidge } from '../../src/head/learners/ridge.js';
import { fitSoftmax, fitSoftmaxWith } from '../../src/head/learners/softmax.js';
import { parameterCount, SoftmaxObjective } from '../../src/head/learners/softmax-objective.js';
import { product, projected } from '../../src/head/learners/subspace.js';
import { headLogits } from '../../src/head/score.js';
import { groupingOf, type TrainingSet } from '../../src/head/training-set.js';
import { classDistances, subspacePoints } from '../../src/head/unknown/novelty.js';
import { fitClassGaussians } from '../../src/head/unknown/novelty-fit.js';
import { OnnxFitEngine } from '../../src/training/fit/fit-engine.js';
import {
  blended,
  calibrated,
  fitRecipe,
  mostViews,
  withGaussians,
  withViews,
} from '../../src/training/fit/recipes.js';
import {
  type FitEngine,
  fitRecipeWith,
  projectWith,
  searchRecipes,
} from '../../src/training/fit/search.js';
import { clusters, Draw, maxDifference } from '../head/synthetic.js';

function sampled(options: { views: number; separation: number }): TrainingSet {
  const set = clusters({
    classes: 3,
    groupsPerClass: 5,
    perGroup: 3,
    featureSize: 20,
    seed: 3,
    ...options,
  });
  let sample = -1;
  const samples = Int32Array.from(set.isView, (isView) => (isView === 0 ? ++sample : sample));
  return { ...set, samples };
}

/** The typed-array path in the clothes of the fast one. */
const reference: FitEngine = {
  evaluate: async (data, parameters, lambda, gradient) =>
    new SoftmaxObjective(data).evaluate(parameters, lambda, gradient),
  product: async (request) => product(request),
};

test('the ONNX objective and its gradient equal the typed arrays', async () => {
  const draw = new Draw(6);
  const engine = await OnnxFitEngine.create(1);
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
      rows,
      features,
      classes,
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
  const engine = await OnnxFitEngine.create(1);
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
    learners: ['ridge', 'softmax', 'blend'],
    budgetMs: 600_000,
    engine: reference,
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
  assert.deepEqual(new Set(table.map((row) => row.views)), new Set([4, 0]));
  assert.equal(table.filter((row) => row.chosen).length, 1);
  assert.equal(table.find((row) => row.chosen)?.macroLogLoss, chosen.macroLogLoss);
  assert.deepEqual(steps.at(-1), [4, 4]);
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
  const never: FitEngine = {
    product: reference.product,
    evaluate: async (data, parameters, lambda, gradient) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return reference.evaluate(data, parameters, lambda, gradient);
    },
  };
  const { chosen, table } = await searchRecipes(sampled({ views: 0, separation: 2 }), {
    learners: ['ridge', 'softmax'],
    budgetMs: 300,
    engine: never,
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

test('a blend is one linear head: its logits are the mean of the calibrated ones', async () => {
  const set = sampled({ views: 1, separation: 1 });
  const bare = withViews(set, 0);
  const members = [set, bare].flatMap((part) => [
    fitRecipe(part, 'ridge', 'l2'),
    fitRecipe(part, 'softmax', 'l2'),
  ]);
  const blend = blended(set, members);
  blend.fit.weights.forEach((weight, i) => {
    const expected =
      members.reduce((sum, { fit, temperature }) => sum + fit.weights[i]! / temperature, 0) / 4;
    assert.ok(Math.abs(weight - expected) <= 1e-5 * (1 + Math.abs(expected)));
  });
  assert.equal(fitRecipe(set, 'blend', 'l2').macroLogLoss, blend.macroLogLoss);
  const again = await fitRecipeWith(reference, set, 'blend', 'l2', blend.fit.lambda);
  assert.ok(Math.abs(again.macroLogLoss - blend.macroLogLoss) < 1e-2);
  assert.equal(calibrated(set, 'blend', blend.fit).macroLogLoss, blend.macroLogLoss);
});

test('class Gaussians join the linear layer: left-out answers are those of the joined head', () => {
  const set = sampled({ views: 1, separation: 1 });
  const linear = fitRecipe(set, 'ridge', 'l2');
  const gaussians = fitClassGaussians(set);
  const joined = withGaussians(set, linear, gaussians);
  const { scale, model } = joined.gaussians!;
  const head = { ...joined.fit, featureSize: set.featureSize, temperature: joined.temperature };
  const rows = set.features.subarray(0, 5 * set.featureSize);
  const logits = headLogits({ ...head, novelty: model, gaussianScale: scale }, rows);
  const alone = headLogits(head, rows);
  const distances = classDistances(model, subspacePoints(model, rows));
  logits.forEach((logit, i) => {
    assert.ok(Math.abs(logit - (alone[i]! - (scale * distances[i]!) / 2)) < 1e-9);
  });
  assert.ok(joined.macroLogLoss < Math.log(set.classCount));
  assert.equal(withGaussians(set, linear, { model, leaveGroupOutLogDensities: null }), linear);
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

/** Classes and groups that differ in few of 300 directions; the others hold a little noise. */
function lowRank(rows: number): TrainingSet {
  const draw = new Draw(12);
  const d = 300;
  const axes = draw.normals(10 * d);
  const means = draw.normals(3 * 10);
  const features = new Float32Array(rows * d);
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 3);
  for (let i = 0; i < rows; i++) {
    const at = Array.from({ length: 10 }, (_, k) => (means[(i % 3) * 10 + k] ?? 0) + draw.normal());
    for (let j = 0; j < d; j++) {
      const signal = at.reduce((sum, z, k) => sum + z * (axes[k * d + j] as number), 2);
      features[i * d + j] = signal + 0.001 * draw.normal();
    }
  }
  const groups = Int32Array.from({ length: rows }, (_, i) => i >> 2);
  const isView = new Uint8Array(rows);
  return { features, rows, featureSize: d, labels, groups, isView, classCount: 3 };
}

test('a head learned in the principal directions answers as one learned in all of them', () => {
  const set = lowRank(160);
  const { set: reduced, lift } = projected(set, 'none');
  assert.equal(reduced.featureSize, 128);
  const fit = fitRidge(reduced, { transform: 'none', lambdas: [0.1] });
  const lifted = lift(fit);
  assert.equal(lifted.weights.length, 3 * 300);
  const logits = headLogits({ ...lifted, featureSize: 300 }, set.features);
  const inside = headLogits({ ...fit, featureSize: 128 }, reduced.features);
  assert.ok(maxDifference(logits, inside) < 1e-3);
  // λ is measured in the mean variance of the directions, of which there are fewer.
  const whole = fitRidge(set, { transform: 'none', lambdas: [(0.1 * 300) / 128] });
  const expected = headLogits({ ...whole, featureSize: 300 }, set.features);
  const scale = expected.reduce((most, z) => Math.max(most, Math.abs(z)), 0);
  assert.ok(maxDifference(logits, expected) < 0.01 * scale, `${maxDifference(logits, expected)}`);
});

test('few rows or features are not projected, and the head fits the features as they came', () => {
  const set = sampled({ views: 0, separation: 2 });
  const { set: same, lift } = projected(set, 'l2');
  assert.equal(same.featureSize, set.featureSize);
  const fit = lift(fitRidge(same, { transform: 'none', lambdas: [0.1] }));
  const direct = fitRidge(set, { transform: 'l2', lambdas: [0.1] });
  assert.equal(fit.transform, 'l2');
  assert.ok(fit.candidates.every((candidate) => candidate.transform === 'l2'));
  assert.ok(maxDifference(fit.leaveGroupOutLogits, direct.leaveGroupOutLogits) < 1e-3);
  const logits = headLogits({ ...fit, featureSize: 20 }, set.features);
  assert.ok(maxDifference(logits, headLogits({ ...direct, featureSize: 20 }, set.features)) < 1e-3);
});

test('the projection by ONNX Runtime equals the one in typed arrays', async () => {
  const engine = await OnnxFitEngine.create(1);
  const set = lowRank(150);
  const fast = await projectWith(engine, set, 'none');
  const slow = projected(set, 'none');
  const [a, b] = [fast, slow].map(
    ({ set: reduced, lift }) =>
      lift(fitRidge(reduced, { transform: 'none', lambdas: [1] })).leaveGroupOutLogits,
  );
  assert.ok(maxDifference(a as Float64Array, b as Float64Array) < 0.01);
  await engine.close();
});
