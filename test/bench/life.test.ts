import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Draw, Photo } from '../../bench/support/life-data.js';
import { estimate, regretOf, scoresOf } from '../../bench/support/life-metrics.js';
import { LATE_SIZES, labelledAfter, planLife } from '../../bench/support/life-plan.js';
import { groupRows, splitGroups } from '../../bench/support/life-split.js';

function photo(label: string, number: number, group: string): Photo {
  const path = `${label}/photo-${String(number).padStart(3, '0')}.jpg`;
  return { path, label, sha256: `${label} ${number}`, group, split: null };
}

test('a split leaves no group on both sides and every class something to learn from', () => {
  const photos = fc.array(
    fc.record({
      label: fc.constantFrom('a', 'b', 'c'),
      number: fc.nat(60),
      group: fc.nat(12),
    }),
    { minLength: 3, maxLength: 60 },
  );
  fc.assert(
    fc.property(
      photos,
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      fc.nat(),
      (all, share, s) => {
        const set = all.map(({ label, number, group }) =>
          photo(label, number, `${label} ${group}`),
        );
        const groups = groupRows(set);
        const inTest = splitGroups(set, groups, share, s);
        for (const [i, one] of set.entries()) {
          for (const [j, other] of set.entries()) {
            if (one.group === other.group || groups[i] === groups[j]) {
              assert.equal(inTest[i], inTest[j]);
            }
          }
          assert.ok(set.some(({ label }, j) => label === one.label && !inTest[j]));
        }
      },
    ),
  );
});

test('photos of one run of numbers stay together, unless runs would chain a class together', () => {
  const few = Array.from({ length: 60 }, (_, i) => photo('a', i, `own ${i}`));
  assert.equal(new Set(groupRows(few)).size, 6);
  const chain = few.map((one, i) => ({ ...one, group: i % 10 === 0 ? 'all' : one.group }));
  assert.equal(new Set(groupRows(chain)).size, 55);
});

test('about the wanted share of each class is tested', () => {
  const photos = ['a', 'b'].flatMap((label) =>
    Array.from({ length: 50 }, (_, i) => photo(label, i, `${label} ${i % 25}`)),
  );
  const groups = photos.map(({ label }, i) => (label === 'a' ? i % 25 : 100 + (i % 25)));
  const inTest = splitGroups(photos, groups, 0.4, 7);
  for (const label of ['a', 'b']) {
    const tested = photos.filter((one, i) => one.label === label && inTest[i]).length;
    assert.ok(Math.abs(tested - 20) <= 2, `${tested} of 50`);
  }
});

const draw: Draw = (() => {
  const classes = ['a', 'b', 'c', 'd'];
  const train = classes.flatMap((label) =>
    Array.from({ length: 30 }, (_, i) => photo(label, i, `${label} ${i}`)),
  );
  return { set: { name: 'x', folder: '/', photos: train }, classes, train, test: [] };
})();

test('labels add up over the stages of a life, and no photo is labelled twice', () => {
  const plan = planLife(draw, 1, 'clean', [3, 5, 50, 60], 0);
  assert.deepEqual(
    plan.stages.map(({ name, labels }) => [name, labels.length]),
    [
      ['3', 12],
      ['5', 8],
      ['50', 100],
    ],
  );
  const last = labelledAfter(plan).at(-1)!;
  assert.equal(new Set(last.map((one) => one.photo.path)).size, 120);
});

test('two label orders differ, one is always the same', () => {
  const first = (order: number) =>
    planLife(draw, order, 'clean', [3], 0).stages[0]!.labels.map((one) => one.photo.path);
  assert.deepEqual(first(0), first(0));
  assert.notDeepEqual(first(0), first(1));
});

test('a late class is not asked about before its first label', () => {
  const { stages, special } = planLife(draw, 0, 'late-class', [3], 0);
  assert.equal(stages[0]!.alive.includes(special!), false);
  const late = stages.slice(1);
  assert.deepEqual(
    late.map(({ name }) => name),
    LATE_SIZES.map((size) => `late ${size}`),
  );
  for (const { labels, alive } of late) {
    assert.ok(labels.every(({ label }) => label === special));
    assert.ok(alive.includes(special!));
  }
});

test('a removed class is neither labelled nor asked about afterwards', () => {
  const plan = planLife(draw, 2, 'removed-class', [3], 0);
  assert.equal(plan.stages.at(-1)!.removed, plan.special);
  assert.ok(
    labelledAfter(plan)
      .at(-1)!
      .every(({ label }) => label !== plan.special),
  );
  assert.ok(!plan.stages.at(-1)!.alive.includes(plan.special!));
});

test('a fifth of the wrong labels is wrong', () => {
  const { stages } = planLife(draw, 0, 'wrong-labels', [30], 0);
  const wrong = stages[0]!.labels.filter(({ photo: of, label }) => of.label !== label).length;
  assert.ok(Math.abs(wrong / 120 - 0.2) < 0.1, `${wrong} of 120`);
});

test('near-duplicates come with their photo', () => {
  const [stage] = planLife(draw, 0, 'near-duplicates', [3], 2).stages;
  assert.equal(stage!.labels.length, 36);
  assert.equal(new Set(stage!.labels.map((one) => one.photo.path)).size, 12);
});

test('regret is what the best peer by mean leads, order by order', () => {
  const peers = new Map([
    ['good', [80, 70, 75]],
    ['lucky once', [99, 50, 60]],
  ]);
  const { best, regret } = regretOf([78, 71, 70], peers)!;
  assert.equal(best, 'good');
  assert.equal(regret.mean, 2);
  // Differences 2, -1, 5: standard deviation 3, of the mean 3 / sqrt(3).
  assert.ok(Math.abs(regret.error! - (2 * 3) / Math.sqrt(3)) < 1e-12);
  assert.equal(estimate([4]).error, null);
  assert.throws(() => regretOf([1], peers), RangeError);
});

test('macro-F1 counts classes that are asked about and no others', () => {
  const oneHot = Float64Array.from([1, 0, 0, 1, 0, 0, 0, 1, 0]);
  const scores = scoresOf(oneHot, [0, 1, 1], ['a', 'b', 'gone'], ['a', 'b']);
  assert.equal(scores.top1, 2 / 3);
  assert.ok(Math.abs(scores.macroF1 - 2 / 3) < 1e-12);
  assert.deepEqual(scores.recall, { a: 1, b: 0.5 });
});
