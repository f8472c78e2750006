import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OnnxFitEngine } from '../../src/training/fit/fit-engine.js';
import { type Learner, withViews } from '../../src/training/fit/recipes.js';
import { searchRecipes } from '../../src/training/fit/search.js';
import { answersOfRecipe } from '../../src/training/verdict/recipe-answers.js';
import { clusters, reorder } from '../head/synthetic.js';
import { someCard } from './fixture.js';

/** Originals first, then views, as the training lays them out. */
function laidOut() {
  const mixed = clusters({
    classes: 3,
    groupsPerClass: 4,
    perGroup: 3,
    views: 3,
    featureSize: 12,
    seed: 8,
    separation: 0.5,
  });
  const rows = [...mixed.labels.keys()];
  const set = reorder(mixed, [
    ...rows.filter((row) => mixed.isView[row] === 0),
    ...rows.filter((row) => mixed.isView[row] === 1),
  ]);
  const originals = set.isView.filter((isView) => isView === 0).length;
  const samples = Int32Array.from({ length: set.rows }, (_, row) =>
    row < originals ? row : Math.floor((row - originals) / 3),
  );
  return { set: { ...set, samples }, originals };
}

/** A softmax is searched from where the last λ ended and refitted from nothing. */
const TOLERANCE: Record<Learner, number> = { ridge: 1e-9, softmax: 2e-3, blend: 2e-3 };

for (const [learner, views] of [
  ['ridge', 0],
  ['ridge', 1],
  ['ridge', 3],
  ['softmax', 1],
  ['blend', 1],
] as const) {
  test(`a ${learner} on ${views} views a sample answers as it did in its own training`, async (t) => {
    const { set, originals } = laidOut();
    const engine = await OnnxFitEngine.create(1);
    t.after(() => engine.close());
    const { recipes } = await searchRecipes(withViews(set, views), {
      learners: [learner],
      transforms: ['l2'],
      budgetMs: 60_000,
      engine,
    });
    const recipe = recipes.find((one) => one.views === views)!;
    const labels = ['a', 'b', 'c'];
    const head = {
      learner,
      labels,
      featureSize: 12,
      backboneChecksum: 'f'.repeat(64),
      transform: recipe.fit.transform,
      weights: recipe.fit.weights,
      bias: recipe.fit.bias,
      temperature: recipe.temperature,
    };
    const card = {
      ...someCard(head),
      schema: 1 as const,
      version: 1,
      weightsSha256: '0'.repeat(64),
      trainingGroupsSha256: '0'.repeat(64),
      lambda: recipe.fit.lambda,
      augmentation: { recipe: 'r', views, seed: 1 },
    };
    const labelled = Array.from({ length: originals }, (_, i) => ({
      id: `sample-${i}`,
      label: labels[set.labels[i]!]!,
      group: `g${set.groups[i]}`,
    }));
    const trainingGroups = [...new Set(labelled.map(({ group }) => group))].sort();
    const answers = await answersOfRecipe(engine, { head, card, trainingGroups }, set, labelled);
    assert.equal(answers.size, originals);
    labelled.forEach(({ id, label }, i) => {
      const expected = recipe.leaveGroupOutProbabilities[i * 3 + labels.indexOf(label)]!;
      const { probability } = answers.get(id)!;
      const off = Math.abs(probability - expected);
      assert.ok(off < TOLERANCE[learner], `${id}: off by ${off}`);
    });
  });
}
