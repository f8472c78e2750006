import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Head } from '../../src/head/head.js';
import { headProbabilities } from '../../src/head/score.js';
import { rowLabels, withClassNames } from '../../src/head/serving/renamed-head.js';
import { correctHead } from '../../src/training/instant/correction.js';

const HEAD: Head = {
  learner: 'ridge',
  labels: ['beet', 'stone', 'weed'],
  featureSize: 4,
  backboneChecksum: 'b',
  transform: 'none',
  weights: Float32Array.from({ length: 12 }, (_, i) => Math.sin(3 * i)),
  bias: Float32Array.of(0.1, -0.2, 0.3),
  temperature: 1,
};
const FEATURES = Float32Array.of(0.4, -1, 0.7, 0.2, 1, 0.3, -0.6, 0.5);

test('a renamed class has the probability that it had, wherever its name sorts', () => {
  const before = headProbabilities(HEAD, FEATURES);
  const renamed = withClassNames(HEAD, new Map([['weed', 'Amaranth']]));
  assert.deepEqual(renamed.labels, ['Amaranth', 'beet', 'stone']);
  const after = headProbabilities(renamed, FEATURES);
  for (const row of [0, 1]) {
    assert.deepEqual(
      [...after.subarray(row * 3, row * 3 + 3)],
      [before[row * 3 + 2], before[row * 3], before[row * 3 + 1]],
    );
  }
});

test('a merged class has the probabilities of both', () => {
  const before = headProbabilities(HEAD, FEATURES);
  const merged = withClassNames(HEAD, new Map([['stone', 'weed']]));
  assert.deepEqual(merged.labels, ['beet', 'weed']);
  const after = headProbabilities(merged, FEATURES);
  assert.deepEqual(
    [...after],
    [before[0], before[1]! + before[2]!, before[3], before[4]! + before[5]!],
  );
  assert.deepEqual(rowLabels(merged), ['beet', 'weed', 'weed']);
});

test('without another name a head stays as it is', () => {
  assert.equal(withClassNames(HEAD, new Map([['other', 'new']])), HEAD);
});

test('a head of merged classes learns labels of the merged class and of a new one', () => {
  const merged = withClassNames(HEAD, new Map([['stone', 'weed']]));
  const lesson = { features: FEATURES, labels: ['weed', 'nettle'] };
  const taught = correctHead(merged, lesson, { lambda: 0.01 });
  assert.deepEqual(taught.labels, ['beet', 'nettle', 'weed']);
  const answers = headProbabilities(taught, FEATURES);
  assert.ok(answers[2]! > 0.9, `weed ${answers[2]}`);
  assert.ok(answers[3 + 1]! > 0.9, `nettle ${answers[4]}`);
});
