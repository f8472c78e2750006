import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type JudgedAnswer, judgeTrust, TRUST_LEVELS } from '../../src/head/trust.js';

/** `count` answers for a class, `right` of them right, `perGroup` in a group. */
function answers(label: string, count: number, right: number, perGroup = 1): JudgedAnswer[] {
  return Array.from({ length: count }, (_, i) => ({
    label,
    right: i < right,
    group: `${label} ${Math.floor(i / perGroup)}`,
  }));
}

describe('trust', () => {
  it('names the classes that need more labels', () => {
    const trust = judgeTrust(
      ['crop', 'stone', 'weed'],
      [...answers('crop', 20, 20), ...answers('weed', 2, 2)],
    );
    assert.equal(trust.level, 'beginner');
    assert.equal(trust.next, '"stone" needs 5 more labels, "weed" 3.');
    assert.deepEqual(trust.needs[0], { label: 'stone', labels: 5 });
  });

  it('asks for other places when all is of one pass', () => {
    const trust = judgeTrust(
      ['crop', 'weed'],
      [...answers('crop', 30, 30, 30), ...answers('weed', 30, 30, 30)],
    );
    assert.equal(trust.level, 'beginner');
    assert.match(trust.next, /^Label frames of 8 more passes/);
  });

  it('is useful when it is certainly better than guessing, proven when it is certainly good', () => {
    const both = (count: number, right: number, perGroup = 1) =>
      judgeTrust(
        ['crop', 'weed'],
        [...answers('crop', count, right, perGroup), ...answers('weed', count, right, perGroup)],
      );
    assert.equal(both(10, 5).level, 'beginner', 'no better than guessing');
    assert.match(both(10, 5).next, /right on 5 of 10 "crop"/);
    assert.equal(both(10, 9).level, 'useful');
    assert.match(both(10, 9).next, /^Label 80 more frames/);
    assert.equal(both(60, 57).level, 'proven');
    assert.equal(both(60, 45).level, 'useful', 'its bound is below 0.8');
    assert.equal(both(60, 57, 12).level, 'useful', 'ten groups are no hundred answers');
  });

  it('is proven from ten answers for each class, a hundred, twenty groups and a bound of 0.8 on', () => {
    const level = (...given: JudgedAnswer[][]) => judgeTrust(['crop', 'weed'], given.flat()).level;
    assert.equal(level(answers('crop', 200, 200), answers('weed', 9, 9)), 'useful');
    assert.equal(level(answers('crop', 200, 200), answers('weed', 10, 10)), 'proven');
    assert.equal(level(answers('crop', 50, 50), answers('weed', 49, 49)), 'useful');
    assert.equal(level(answers('crop', 50, 50), answers('weed', 50, 50)), 'proven');
    assert.equal(level(answers('crop', 60, 60, 6), answers('weed', 54, 54, 6)), 'useful');
    assert.equal(level(answers('crop', 60, 60, 6), answers('weed', 60, 60, 6)), 'proven');
    assert.equal(level(answers('crop', 60, 51), answers('weed', 60, 51)), 'useful');
    assert.equal(level(answers('crop', 60, 52), answers('weed', 60, 52)), 'proven');
  });

  it('counts answers of one group for less than as many groups', () => {
    const of = (perGroup: number) =>
      judgeTrust(
        ['crop', 'weed'],
        [...answers('crop', 60, 54, perGroup), ...answers('weed', 60, 54, perGroup)],
      );
    assert.equal(of(1).level, 'proven');
    assert.equal(of(6).level, 'useful');
    // Wilson's bound at 120 answers and, with a design effect of 1 + 5 / 2, at 34.3 of them.
    assert.ok(Math.abs(of(1).lowerBound! - 0.8458) < 5e-4, `${of(1).lowerBound}`);
    assert.ok(Math.abs(of(6).lowerBound! - 0.7845) < 5e-4, `${of(6).lowerBound}`);
  });

  it('does not fall for a rare class that is always wrong', () => {
    const trust = judgeTrust(
      ['crop', 'weed'],
      [...answers('crop', 500, 500), ...answers('weed', 10, 0)],
    );
    assert.equal(trust.level, 'beginner');
    assert.ok(Math.abs(trust.meanRecall! - 0.5) < 1e-9);
  });

  it('never falls when an answer more is right', () => {
    const outcomes = fc.array(
      fc.record({
        label: fc.constantFrom('crop', 'weed'),
        group: fc.constantFrom(...Array.from({ length: 20 }, (_, i) => `g${i}`)),
        right: fc.boolean(),
      }),
      { minLength: 1, maxLength: 80 },
    );
    fc.assert(
      fc.property(outcomes, (given) => {
        const { lowerBound, meanRecall, level } = judgeTrust(['crop', 'weed'], given);
        assert.ok(lowerBound! >= 0 && lowerBound! <= meanRecall! + 1e-12);
        assert.ok(TRUST_LEVELS.includes(level));
        const allRight = given.map((answer) => ({ ...answer, right: true }));
        assert.ok(judgeTrust(['crop', 'weed'], allRight).lowerBound! >= lowerBound! - 1e-12);
      }),
    );
  });
});
