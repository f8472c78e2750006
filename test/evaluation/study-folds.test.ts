import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { splitOf, studyFolds } from '../../src/evaluation/study/study-split.js';

/** Groups of one class each, as class folders with a pattern give them, or mixed, as passes do. */
const photos = fc
  .array(
    fc.record({
      label: fc.constantFrom('beet', 'stone', 'weed'),
      group: fc.integer({ min: 0, max: 14 }),
    }),
    { minLength: 8, maxLength: 80 },
  )
  .chain((all) =>
    fc.boolean().map((mixed) =>
      all.map(({ label, group }) => ({
        label,
        group: mixed ? `pass-${group}` : `${label}-${group}`,
      })),
    ),
  );
const folds = fc.option(fc.integer({ min: 2, max: 8 }));
const seed = fc.nat({ max: 4_294_967_295 });

test('every group is held out exactly once, and no class is ever held out altogether', () => {
  let divided = 0;
  fc.assert(
    fc.property(photos, folds, seed, (all, asked, start) => {
      let made: ReturnType<typeof studyFolds>;
      try {
        made = studyFolds(all, asked, start);
      } catch (error) {
        assert.ok(
          isHeadlandError(error, 'HL_STUDY_TOO_FEW_GROUPS') ||
            isHeadlandError(error, 'HL_STUDY_TOO_FEW_CLASSES'),
          String(error),
        );
        return;
      }
      divided++;
      if (asked !== null) assert.equal(made.count, asked);
      const heldOut = new Map<string, number>();
      const seen: number[] = [];
      for (let fold = 0; fold < made.count; fold++) {
        const split = splitOf(made, fold);
        assert.ok(split.heldOut.length > 0);
        assert.equal(split.training.length + split.heldOut.length, all.length);
        const learnt = new Set(split.training.map((i) => all[i]!.label));
        assert.equal(learnt.size, made.labels.length);
        const groups = new Set(split.heldOut.map((i) => all[i]!.group));
        for (const i of split.training) assert.ok(!groups.has(all[i]!.group));
        for (const group of groups) heldOut.set(group, (heldOut.get(group) ?? 0) + 1);
        seen.push(...split.heldOut);
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        all.map((_, i) => i),
      );
      assert.equal(heldOut.size, new Set(all.map(({ group }) => group)).size);
      assert.ok([...heldOut.values()].every((times) => times === 1));
    }),
    { numRuns: 300 },
  );
  assert.ok(divided > 100, `only ${divided} of 300 could be divided`);
});

test('the same seed divides alike; classes are spread over the folds', () => {
  const all = ['beet', 'weed'].flatMap((label) =>
    Array.from({ length: 40 }, (_, i) => ({ label, group: `${label}-${i >> 1}` })),
  );
  const made = studyFolds(all, null, 7);
  assert.deepEqual(made, studyFolds(all, null, 7));
  assert.equal(made.count, 5);
  for (let fold = 0; fold < 5; fold++) {
    const { heldOut } = splitOf(made, fold);
    assert.equal(heldOut.filter((i) => all[i]!.label === 'beet').length, 8);
    assert.equal(heldOut.length, 16);
  }
});

test('few groups make fewer folds unless so many are asked for', () => {
  const all = ['beet', 'weed'].flatMap((label) =>
    Array.from({ length: 12 }, (_, i) => ({ label, group: `${label}-${i % 3}` })),
  );
  assert.equal(studyFolds(all, null, 1).count, 3);
  assert.throws(
    () => studyFolds(all, 4, 1),
    (error) => isHeadlandError(error, 'HL_STUDY_TOO_FEW_GROUPS') && /8/.test(error.message),
  );
});
