import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, isNovel, NO_HEAD } from '../../src/perception/decision.js';

const settings = { topK: 3, minProbability: 0.5, unknownAlpha: 0.05 };
const top = [
  { label: 'crop', probability: 0.9 },
  { label: 'weed', probability: 0.1 },
];

test('a frame is unknown when it is strange or undecided', () => {
  const label = (noveltyPValue: number | null, probability = 0.9, unknownAlpha = 0.05) =>
    decide(
      [{ label: 'crop', probability }],
      { headVersion: 1 },
      { ...settings, unknownAlpha },
      { noveltyPValue },
    ).label;
  assert.equal(label(0.5), 'crop');
  assert.equal(label(0.05), 'crop');
  assert.equal(label(0.049), 'unknown');
  assert.equal(label(0.5, 0.49), 'unknown');
  assert.equal(label(null), 'crop', 'a head that cannot tell does not say unknown');
  assert.equal(label(0.001, 0.9, 0), 'crop', '0 switches it off');
});

test('a decision carries why', () => {
  const decision = decide(top, { headVersion: 7 }, settings, {
    noveltyPValue: 0.01,
    labelSet: ['crop'],
  });
  assert.deepEqual(decision, {
    ...{ label: 'unknown', probability: 0.9, top, headVersion: 7 },
    ...{ noveltyPValue: 0.01, labelSet: ['crop'] },
  });
  assert.equal(isNovel(decision.noveltyPValue, settings), true);
});

test('without a head everything is unknown', () => {
  const expected = { label: 'unknown', probability: 0, top: [], headVersion: null };
  assert.deepEqual(decide([], NO_HEAD, settings), { ...expected, noveltyPValue: null });
});
