import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PairedSample, quadraticScore, scoreDifference } from '../../src/gate/paired.js';

function sample(label: string, group: number, challenger: number, champion: number): PairedSample {
  const answer = (probability: number) => ({ label, confidence: 0.5, probability });
  return {
    label,
    group: `g${group}`,
    challenger: answer(challenger),
    champion: answer(champion),
  };
}

const samples = fc.array(
  fc
    .tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.nat(6),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    .map((given) => sample(...given)),
  { minLength: 1, maxLength: 40 },
);

test('with two classes the score is best on average when the probability is the true one', () => {
  for (const truth of [0.1, 0.5, 0.8]) {
    const mean = (p: number): number =>
      truth * quadraticScore(p) + (1 - truth) * quadraticScore(1 - p);
    for (const other of [0, 0.3, 0.6, 0.95, 1]) assert.ok(mean(truth) >= mean(other));
  }
});

test('each class weighs alike, however many samples it has', () => {
  const { difference } = scoreDifference([
    ...Array.from({ length: 9 }, (_, i) => sample('a', i, 1, 0)),
    sample('b', 9, 0, 1),
  ]);
  assert.ok(Math.abs(difference) < 1e-12);
});

test('samples of one group are one piece of evidence', () => {
  const draw = (perGroup: number) =>
    Array.from({ length: 40 }, (_, i) => {
      const group = Math.floor(i / perGroup);
      const good = group % 4 > 0;
      return sample(i % 2 ? 'a' : 'b', group, good ? 0.9 : 0.2, 0.6);
    });
  const single = scoreDifference(draw(1));
  const grouped = scoreDifference(draw(4));
  assert.equal(grouped.groups, 10);
  assert.ok(grouped.standardError > 1.5 * single.standardError);
  assert.equal(scoreDifference(draw(40)).standardError, Number.POSITIVE_INFINITY);
});

test('is the converse when the heads change places, and the order does not matter', () => {
  fc.assert(
    fc.property(samples, (given) => {
      const forward = scoreDifference(given);
      const swapped = given.map((one) => ({
        ...one,
        challenger: one.champion,
        champion: one.challenger,
      }));
      const backward = scoreDifference(swapped.reverse());
      assert.ok(Math.abs(forward.difference + backward.difference) < 1e-12);
      if (forward.groups > 1) {
        assert.ok(Math.abs(forward.standardError - backward.standardError) < 1e-12);
      }
    }),
  );
});
