import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { estimate, pairedDifference, studentTails } from '../../src/training/study-statistics.js';

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

test('a paired difference is corrected for training parts that overlap', () => {
  // By hand: s = 0.1, √(1/3 + 1/2) · 0.1 = 0.0912871, t = 2.19089 with 2 degrees of freedom.
  const { mean, standardError, p, folds } = pairedDifference([0.1, 0.2, 0.3], 1 / 2, 0.01);
  assert.ok(Math.abs(mean - 0.2) < 1e-12);
  assert.ok(Math.abs(standardError! - 0.0912871) < 1e-6);
  assert.ok(Math.abs(p - 0.159832) < 1e-4, String(p));
  assert.equal(folds, 3);
});

test('folds that agree by chance and a single fold prove nothing', () => {
  const alike = pairedDifference([0.05, 0.05], 1, 0.05);
  assert.ok(alike.p > 0.05 && alike.standardError! > 0);
  assert.deepEqual(pairedDifference([0.4], 1, 0.05), {
    ...{ mean: 0.4, standardError: null, p: 1, folds: 1 },
  });
});
