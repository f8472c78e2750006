import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../src/base/backoff.js';
import { createRandom, seedFrom } from '../../src/base/random.js';

/** The delay after so many failures in a row. */
function delayAfter(failures: number, backoff: Backoff): number {
  backoff.reset();
  for (let i = 0; i < failures; i++) backoff.nextMs();
  return backoff.nextMs();
}

describe('back-off', () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const milliseconds = fc.integer({ min: 1, max: 600_000 });

  it('stays within [0, min(maxMs, initialMs * 2^failures)] after any number of failures', () => {
    const failures = fc.integer({ min: 0, max: 2_000 });
    fc.assert(
      fc.property(failures, milliseconds, milliseconds, share, (count, initialMs, maxMs, r) => {
        const delayMs = delayAfter(count, new Backoff({ initialMs, maxMs }, () => r));
        assert.ok(delayMs >= 0 && delayMs <= maxMs);
        assert.ok(delayMs <= initialMs * 2 ** count);
        assert.equal(delayMs, r * Math.min(maxMs, initialMs * 2 ** Math.min(count, 52)));
      }),
    );
  });

  it('uses the whole interval, so that robots do not come back in step', () => {
    const random = createRandom(seedFrom('backoff'));
    const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 }, random.next);
    const delays = Array.from({ length: 2_000 }, () => delayAfter(4, backoff));
    assert.ok(Math.min(...delays) < 80 && Math.max(...delays) > 1_520);
    const mean = delays.reduce((sum, d) => sum + d, 0) / delays.length;
    assert.ok(Math.abs(mean - 800) < 50, `mean ${mean}`);
  });

  it('begins anew after a reset', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 }, () => 0.5);
    assert.deepEqual([backoff.nextMs(), backoff.nextMs(), backoff.failures], [50, 100, 2]);
    backoff.reset();
    assert.deepEqual([backoff.nextMs(), backoff.failures], [50, 1]);
  });
});
