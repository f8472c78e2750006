import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type GroupAnswers,
  scoreInterval,
  shareInterval,
} from '../../../src/head/intervals/share-interval.js';
import { type Interval, wilsonInterval } from '../../../src/head/intervals/wilson.js';

const one = (right: boolean): GroupAnswers => ({ answers: 1, right: Number(right) });
const single = (answers: number, right: number): GroupAnswers[] =>
  Array.from({ length: answers }, (_, i) => one(i < right));
const groups = fc.array(
  fc
    .integer({ min: 1, max: 12 })
    .chain((answers) => fc.record({ answers: fc.constant(answers), right: fc.nat(answers) })),
  { minLength: 1, maxLength: 40 },
);
const shareOf = (of: readonly GroupAnswers[]): number =>
  of.reduce((sum, { right }) => sum + right, 0) / of.reduce((sum, { answers }) => sum + answers, 0);
const width = ({ lower, upper }: { lower: number; upper: number }): number => upper - lower;

function same(a: Interval, b: Interval): void {
  assert.ok(Math.abs(a.lower - b.lower) < 1e-9 && Math.abs(a.upper - b.upper) < 1e-9);
}

describe('the interval of a share', () => {
  test('is that of Wilson (1927) for independent answers', () => {
    // R: prop.test(x, n, correct = FALSE)$conf.int
    for (const [right, answers, lower, upper] of [
      [33, 33, 0.8957, 1],
      [0, 10, 0, 0.2775],
      [15, 20, 0.5313, 0.8881],
      [81, 263, 0.2553, 0.3662],
    ] as const) {
      const found = wilsonInterval(right / answers, answers);
      assert.ok(Math.abs(found.lower - lower) < 5e-5, `${right} of ${answers}: ${found.lower}`);
      assert.ok(Math.abs(found.upper - upper) < 5e-5, `${right} of ${answers}: ${found.upper}`);
    }
    same(shareInterval(single(33, 33)), wilsonInterval(1, 33));
  });

  test('contains the share, stays within 0 and 1 and is never a point', () => {
    fc.assert(
      fc.property(groups, (of) => {
        const { lower, upper } = shareInterval(of);
        const share = shareOf(of);
        assert.ok(0 <= lower && lower <= share && share <= upper && upper <= 1);
        assert.ok(upper - lower > 0);
      }),
    );
  });

  test('is the mirror image when right and wrong change places', () => {
    fc.assert(
      fc.property(groups, (of) => {
        const mirrored = of.map(({ answers, right }) => ({ answers, right: answers - right }));
        const [a, b] = [shareInterval(of), shareInterval(mirrored)];
        assert.ok(Math.abs(a.lower - (1 - b.upper)) < 1e-9);
        assert.ok(Math.abs(a.upper - (1 - b.lower)) < 1e-9);
      }),
    );
  });

  test('narrows with more groups of the same kind', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 2, max: 5 }), (of, times) => {
        const more = Array.from({ length: times }, () => of).flat();
        assert.ok(width(shareInterval(more)) < width(shareInterval(of)));
      }),
    );
  });

  test('is wider where the same answers come from fewer groups', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 2, max: 8 }),
        (count, size) => {
          const together = Array.from({ length: count }, () => ({ answers: size, right: size }));
          const alone = single(count * size, count * size);
          assert.ok(shareInterval(together).lower < shareInterval(alone).lower);
          // And never as wide as if each group were one answer.
          assert.ok(shareInterval(together).lower > wilsonInterval(1, count).lower);
        },
      ),
    );
  });

  test('does not depend on the order of groups', () => {
    fc.assert(
      fc.property(groups, (of) => {
        same(shareInterval(of), shareInterval([...of].reverse()));
      }),
    );
  });

  test('of a score counts the weights of classes', () => {
    const answers = (rare: number) => [
      ...Array.from({ length: 90 }, (_, i) => ({ weight: 1 / (2 * 90), group: `a${i}` })),
      ...Array.from({ length: rare }, (_, i) => ({ weight: 1 / (2 * rare), group: `b${i}` })),
    ];
    // Half of the score rests on the rare class: 90 and 10 answers say as much as 36.
    const independent = 1 / (90 / 180 ** 2 + 10 / 20 ** 2);
    same(scoreInterval(1, answers(10), 0, 0), wilsonInterval(1, independent));
    assert.ok(scoreInterval(1, answers(3), 0, 0).lower < scoreInterval(1, answers(10), 0, 0).lower);
  });

  test('follows the measured spread where many answers are wrong', () => {
    const alike = Array.from({ length: 40 }, (_, i) => ({
      answers: 5,
      right: i % 2 === 0 ? 5 : 0,
    }));
    const mixed = Array.from({ length: 40 }, () => ({ answers: 4, right: 2 }));
    // Groups that are right or wrong as a whole are about as good as one answer each.
    assert.ok(Math.abs(width(shareInterval(alike)) / width(wilsonInterval(0.5, 40)) - 1) < 0.1);
    // Groups that agree on the share are not taken for more answers than they have.
    assert.ok(width(shareInterval(mixed)) >= width(wilsonInterval(0.5, 160)) - 1e-9);
  });
});
