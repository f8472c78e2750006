import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersOfRecipe } from '../../src/training/recipe-answers.js';
import { fitRecipe, withViews } from '../../src/training/recipes.js';
import { clusters, reorder } from '../head/synthetic.js';
import { someCard } from './fixture.js';

/** Originals first, then views, as the training lays them out. */
function laidOut() {
  const mixed = clusters({
    ...{ classes: 3, groupsPerClass: 4, perGroup: 3, views: 3, featureSize: 12, seed: 8 },
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

for (const views of [0, 1, 3]) {
  test(`a head that learnt from ${views} views a sample answers as it did in its own training`, () => {
    const { set, originals } = laidOut();
    const recipe = fitRecipe(withViews(set, views), 'ridge', 'l2');
    const labels = ['a', 'b', 'c'];
    const head = {
      ...{ learner: recipe.learner, labels, featureSize: 12, backboneChecksum: 'f'.repeat(64) },
      ...{ transform: recipe.fit.transform, weights: recipe.fit.weights, bias: recipe.fit.bias },
      temperature: recipe.temperature,
    };
    const card = {
      ...{ ...someCard(head), schema: 1 as const, version: 1 },
      ...{ weightsSha256: '0'.repeat(64), trainingGroupsSha256: '0'.repeat(64) },
      lambda: recipe.fit.lambda,
      augmentation: { recipe: 'r', views, seed: 1 },
    };
    const labelled = Array.from({ length: originals }, (_, i) => ({
      id: `sample-${i}`,
      label: labels[set.labels[i]!]!,
      group: `g${set.groups[i]}`,
    }));
    const trainingGroups = [...new Set(labelled.map(({ group }) => group))].sort();
    const answers = answersOfRecipe({ head, card, trainingGroups }, set, labelled);
    assert.equal(answers.size, originals);
    labelled.forEach(({ id, label }, i) => {
      const expected = recipe.leaveGroupOutProbabilities[i * 3 + labels.indexOf(label)]!;
      const { probability } = answers.get(id)!;
      assert.ok(Math.abs(probability - expected) < 1e-9, `${id}: ${probability}`);
    });
  });
}
