import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { viewsThatFit } from '../../../src/training/data/feature-matrix.js';

test('as many views are learnt as fit beside the originals, and no more than wanted', () => {
  const fit = (samples: number, views: number) =>
    viewsThatFit(samples, { views, featureSize: 1_280, maxBytes: 400_000_000 });
  assert.deepEqual([fit(300, 4), fit(10_000, 5)], [4, 5]);
  assert.deepEqual([fit(20_000, 5), fit(30_000, 5), fit(50_000, 5), fit(500_000, 5)], [2, 1, 0, 0]);
  const count = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(count, fc.nat(20), fc.integer({ min: 1, max: 4_096 }), (samples, views, size) => {
      const maxBytes = 400_000_000;
      const found = viewsThatFit(samples, { views, featureSize: size, maxBytes });
      const bytesOf = (number: number): number => (1 + number) * samples * size * 4;
      assert.ok(found >= 0 && found <= views);
      assert.ok(found === 0 || bytesOf(found) <= maxBytes);
      assert.ok(found === views || bytesOf(found + 1) > maxBytes);
    }),
  );
});
