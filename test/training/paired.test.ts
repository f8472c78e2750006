import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holm } from '../../src/training/paired.js';

const rejected = (ps: number[], level = 0.05): number[] =>
  holm(
    ps.map((p) => ({ p })),
    level,
  ).map(({ p }) => p);

test('several tests at once: the smallest p needs the strictest level (Holm)', () => {
  // 0.005 · 4 and 0.01 · 3 stay below 0.05; 0.03 · 2 does not.
  assert.deepEqual(rejected([0.01, 0.04, 0.03, 0.005]), [0.01, 0.005]);
  assert.deepEqual(rejected([0.03, 0.9]), [], '0.03 alone would do, of two it does not');
  assert.deepEqual(rejected([0.03]), [0.03]);
  assert.deepEqual(rejected([0.001, 0.002]), [0.001, 0.002]);
  assert.deepEqual(rejected([]), []);
});

test('a correction finds no more than single tests and no less than the strictest one', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (ps) => {
      const found = rejected(ps);
      assert.ok(found.every((p) => p < 0.05));
      for (const p of ps) if (p * ps.length < 0.05) assert.ok(found.includes(p));
    }),
  );
});
