import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, isNovel, undecided } from '../../src/perception/decision.js';

const settings = { answerProbability: 0.5, unknownAlpha: 0.05 };
const top = [
  { label: 'crop', probability: 0.9 },
  { label: 'weed', probability: 0.1 },
];

test('a frame is unknown when it is strange, and a guess when it is undecided', () => {
  const decided = (noveltyPValue: number | null, probability = 0.9, unknownAlpha = 0.05) => {
    const best = [{ label: 'crop', probability }];
    const decider = { headVersion: 1 };
    const { label, guess } = decide(
      best,
      decider,
      { ...settings, unknownAlpha },
      { noveltyPValue },
    );
    return guess ? `${label}?` : label;
  };
  assert.equal(decided(0.5), 'crop');
  assert.equal(decided(0.05), 'crop');
  assert.equal(decided(0.049), 'unknown');
  assert.equal(decided(0.049, 0.2), 'unknown', 'what is strange is no guess');
  assert.equal(decided(0.5, 0.49), 'crop?');
  assert.equal(decided(0.5, 0.5), 'crop');
  assert.equal(decided(null), 'crop', 'a head that cannot tell does not say unknown');
  assert.equal(decided(0.001, 0.9, 0), 'crop', '0 switches it off');
});

test('a label with too few known answers is a guess, however probable', () => {
  const guessed = (unproven?: string[]) =>
    decide(top, { headVersion: 1 }, { ...settings, unproven }).guess;
  assert.deepEqual(
    [guessed(), guessed([]), guessed(['weed']), guessed(['crop', 'weed'])],
    [false, false, false, true],
  );
});

test('a decision carries why', () => {
  const decision = decide(top, { headVersion: 7 }, settings, {
    noveltyPValue: 0.01,
    labelSet: ['crop'],
  });
  assert.deepEqual(decision, {
    label: 'unknown',
    probability: 0.9,
    guess: false,
    top,
    headVersion: 7,
    noveltyPValue: 0.01,
    labelSet: ['crop'],
  });
  assert.equal(isNovel(decision.noveltyPValue, settings), true);
});

test('without a head everything is unknown', () => {
  assert.deepEqual(decide([], { headVersion: null }, settings), undecided());
  const { label, guess, headVersion } = undecided();
  assert.deepEqual([label, guess, headVersion], ['unknown', false, null]);
});
