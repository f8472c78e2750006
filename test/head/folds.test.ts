import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { stratifiedGroupFolds } from '../../src/head/folds.js';
import { readOracle } from './oracle.js';

interface FoldCase {
  classes: number;
  labels: number[];
  groups: number[];
  k: number;
  folds: number[];
}

test("folds equal those of scikit-learn's StratifiedGroupKFold on 200 random cases", () => {
  for (const [i, { classes, labels, groups, k, folds }] of readOracle<FoldCase>(
    'folds',
  ).entries()) {
    const ours = stratifiedGroupFolds(Int32Array.from(labels), Int32Array.from(groups), classes, {
      folds: k,
    });
    assert.deepEqual([...ours], folds, `case ${i}`);
  }
});

const rows = fc.array(
  fc.record({ label: fc.integer({ min: 0, max: 3 }), group: fc.integer({ min: -5, max: 12 }) }),
  { minLength: 2, maxLength: 60 },
);

test('a group never stands in two folds and every row has one', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 2, max: 7 }), fc.option(fc.nat()), (all, k, seed) => {
      const groups = Int32Array.from(all, (row) => row.group);
      const count = new Set(groups).size;
      fc.pre(count >= 2);
      const folds = stratifiedGroupFolds(
        Int32Array.from(all, (row) => row.label),
        groups,
        4,
        {
          folds: k,
          seed: seed ?? undefined,
        },
      );
      assert.equal(folds.length, all.length);
      const foldOf = new Map<number, number>();
      for (const [i, fold] of folds.entries()) {
        assert.ok(fold >= 0 && fold < Math.min(k, count));
        assert.equal(foldOf.get(groups[i]!) ?? fold, fold);
        foldOf.set(groups[i]!, fold);
      }
    }),
  );
});

test('fewer than two groups or folds are refused', () => {
  const two = Int32Array.of(0, 1);
  for (const [groups, folds] of [
    [Int32Array.of(3, 3), 2],
    [Int32Array.of(0, 1), 1],
    [Int32Array.of(0, 1, 2), 2],
  ] as const) {
    assert.throws(
      () => stratifiedGroupFolds(two, groups, 2, { folds }),
      (e) => isHeadlandError(e, 'HL_FOLDS_INVALID'),
    );
  }
});
