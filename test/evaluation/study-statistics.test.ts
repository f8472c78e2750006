import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/base/random.js';
import {
  estimate,
  pairedDifference,
  studentTails,
} from '../../src/evaluation/study/study-statistics.js';

// scipy.stats.t.sf, twice.
const TAILS = [
  [0, 1, 1.0],
  [1, 1, 0.5000000000000001],
  [2.5, 1, 0.24223788318168682],
  [1, 2, 0.4226497308103742],
  [4.303, 2, 0.0499925249852145],
  [3.182, 3, 0.050017136543313766],
  [0.7, 3, 0.5343269983047636],
  [2.776, 4, 0.05002277831997642],
  [5, 4, 0.007490433881274525],
  [2.571, 5, 0.0499746346838514],
  [1.2, 7, 0.2691719368272066],
  [2.262, 9, 0.05001284550245463],
  [10, 19, 5.263026162335899e-9],
] as const;

test("tails of Student's t equal SciPy's", () => {
  for (const [t, freedom, p] of TAILS) {
    assert.ok(Math.abs(studentTails(t, freedom) - p) < 1e-12, `${t}, ${freedom}`);
    assert.equal(studentTails(-t, freedom), studentTails(t, freedom));
  }
});

test('tails fall with t and lie in 0..1', () => {
  const t = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(t, t, fc.integer({ min: 1, max: 40 }), (a, b, freedom) => {
      const [far, near] = [Math.max(a, b), Math.min(a, b)].map((x) => studentTails(x, freedom));
      assert.ok(far! >= 0 && near! <= 1 && far! <= near! + 1e-12);
    }),
  );
});

test('a mean over folds has the standard error of the mean', () => {
  // s = 0.25 · √2, over √2 folds.
  assert.deepEqual(estimate([0.25, 0.75]), { mean: 0.5, standardError: 0.25 });
  assert.deepEqual(estimate([0.7]), { mean: 0.7, standardError: null });
});

test('a paired difference counts chance in the photos and in the training', () => {
  // By hand: s = 0.1, (1/3 + 1/2) · 0.01 = 0.00833333 with 2 degrees of freedom; groups of 5 photos
  // with 0, 1, 1 and 2 more right: (1 + 0 + 0 + 1) · 4/3 / 20² = 0.00666667 with 3. Together 0.015,
  // t = 1.63299 with 0.015² / (0.00833333² / 2 + 0.00666667² / 3) = 4.54, so 4 degrees of freedom.
  const { mean, standardError, p, folds } = pairedDifference({
    byFold: [0.1, 0.2, 0.3],
    byGroup: [0, 1, 1, 2].map((excess) => ({ photos: 5, excess })),
    heldOutPerTraining: 1 / 2,
    step: 0.01,
  });
  assert.ok(Math.abs(mean - 0.2) < 1e-12);
  assert.ok(Math.abs(standardError! - Math.sqrt(0.015)) < 1e-9);
  assert.ok(Math.abs(p - 0.177808) < 1e-5, String(p));
  assert.equal(folds, 3);
});

test('folds that agree by chance and a single fold prove nothing', () => {
  const byGroup = [1, 1, 1, 1].map((excess) => ({ photos: 20, excess }));
  const figures = { byGroup, heldOutPerTraining: 1, step: 0.05 };
  const alike = pairedDifference({ ...figures, byFold: [0.05, 0.05] });
  assert.ok(alike.p > 0.05 && alike.standardError! > 0);
  assert.deepEqual(pairedDifference({ ...figures, byFold: [0.4] }), {
    mean: 0.4,
    standardError: null,
    p: 1,
    folds: 1,
  });
});

test('equals are called different in at most one study of twenty, also where trainings differ', () => {
  const random = createRandom(11);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  for (const [folds, ofTraining] of [
    [2, 0],
    [2, 0.05],
    [5, 0],
    [5, 0.1],
  ] as const) {
    let wrong = 0;
    const studies = 2_000;
    for (let study = 0; study < studies; study++) {
      const byFold: number[] = [];
      const byGroup: { photos: number; excess: number }[] = [];
      for (let fold = 0; fold < folds; fold++) {
        const luck = ofTraining * normal();
        const groups = Array.from({ length: 60 / folds }, () => ({
          photos: 4,
          // Photos of one group have a share of their luck together.
          excess: 4 * (luck + 0.2 * normal()) + 0.63 * 2 * normal(),
        }));
        byGroup.push(...groups);
        byFold.push(groups.reduce((sum, { excess }) => sum + excess, 0) / (240 / folds));
      }
      const heldOutPerTraining = 1 / (folds - 1);
      const { p } = pairedDifference({ byFold, byGroup, heldOutPerTraining, step: folds / 240 });
      if (p < 0.05) wrong++;
    }
    assert.ok(wrong / studies <= 0.05, `${wrong} of ${studies}: ${folds} folds, ${ofTraining}`);
  }
});
