import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import type { Head } from '../../src/head/head.js';
import { headProbabilities, topLabels } from '../../src/head/score.js';
import { maxDifference } from './synthetic.js';

const head: Head = {
  learner: 'ridge',
  labels: ['crop', 'stone', 'weed'],
  featureSize: 2,
  backboneChecksum: 'abc',
  transform: 'sqrt',
  weights: Float32Array.of(1, 0, 0, 1, 1, 1),
  bias: Float32Array.of(0, 0.5, -1),
  temperature: 2,
};

test('probabilities are softmax((W sqrt(x) + b) / T)', () => {
  const logits = [2, 3.5, 4].map((z) => Math.exp(z / 2));
  const sum = logits.reduce((a, b) => a + b, 0);
  const p = headProbabilities(head, Float32Array.of(4, 9, 4, 9));
  const expected = logits.map((z) => z / sum);
  assert.ok(maxDifference(p, [...expected, ...expected]) < 1e-12);
});

test('huge features neither overflow nor lose the sum', () => {
  const p = headProbabilities(
    { ...head, transform: 'none' },
    Float32Array.of(3e38, 1, -3e38, -3e38),
  );
  assert.ok(p.every(Number.isFinite));
  for (const from of [0, 3])
    assert.ok(Math.abs(p[from]! + p[from + 1]! + p[from + 2]! - 1) < 1e-12);
});

test('features of another size are refused', () => {
  for (const length of [0, 1, 3]) {
    assert.throws(
      () => headProbabilities(head, new Float32Array(length)),
      (e) => isHeadlandError(e, 'HL_FEATURES_MISMATCH'),
    );
  }
});

test('the top labels come in order, equals in the order of labels', () => {
  const answer = { labels: head.labels, probabilities: Float64Array.of(0.25, 0.5, 0.25) };
  assert.deepEqual(topLabels(answer, 2), [
    { label: 'stone', probability: 0.5 },
    { label: 'crop', probability: 0.25 },
  ]);
  assert.equal(topLabels(answer, 9).length, 3);
  assert.equal(topLabels(answer, 0).length, 0);
});
