import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backoffDelayMs } from '../../src/camera/backoff.js';
import { GroupClock } from '../../src/camera/group-clock.js';
import { seededRandom, shuffled } from '../../src/camera/random.js';

describe('backoffDelayMs', () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const milliseconds = fc.integer({ min: 1, max: 600_000 });

  it('stays within [0, min(maxMs, initialMs * 2^attempt)] for any attempt', () => {
    fc.assert(
      fc.property(fc.nat(), milliseconds, milliseconds, share, (attempt, initialMs, maxMs, r) => {
        const delayMs = backoffDelayMs(attempt, { initialMs, maxMs }, () => r);
        assert.ok(delayMs >= 0 && delayMs <= maxMs);
        assert.ok(delayMs <= initialMs * 2 ** attempt);
      }),
    );
  });

  it('uses the whole interval, so that robots do not come back in step', () => {
    const random = seededRandom('backoff');
    const policy = { initialMs: 100, maxMs: 10_000 };
    const delays = Array.from({ length: 2_000 }, () => backoffDelayMs(4, policy, random));
    assert.ok(Math.min(...delays) < 80 && Math.max(...delays) > 1_520);
    const mean = delays.reduce((sum, d) => sum + d, 0) / delays.length;
    assert.ok(Math.abs(mean - 800) < 50, `mean ${mean}`);
  });
});

describe('GroupClock', () => {
  it('begins a group with a frame and ends it after the window', () => {
    const clock = new GroupClock('main', 30_000);
    const start = Date.UTC(2026, 2, 14, 9, 15, 0, 250);
    assert.equal(clock.groupAt(start), 'main-20260314T091500.250Z');
    assert.equal(clock.groupAt(start + 29_999), 'main-20260314T091500.250Z');
    assert.equal(clock.groupAt(start + 30_000), 'main-20260314T091530.250Z');
  });

  it('never lets a group span more than the window, even when the clock is set', () => {
    const steps = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 100 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), steps, (windowMs, moves) => {
        const clock = new GroupClock('cam', windowMs);
        const spans = new Map<string, number[]>();
        let nowMs = 1_750_000_000_000;
        let previous = '';
        for (const move of moves) {
          nowMs += move;
          const group = clock.groupAt(nowMs);
          if (group !== previous) spans.set(group, []);
          previous = group;
          spans.get(group)!.push(nowMs);
        }
        for (const times of spans.values()) {
          assert.ok(Math.max(...times) - Math.min(...times) < windowMs);
        }
      }),
    );
  });
});

describe('shuffled', () => {
  it('is a permutation, the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
        const once = shuffled(items, seededRandom(seed));
        assert.deepEqual(shuffled(items, seededRandom(seed)), once);
        assert.deepEqual(
          [...once].sort((a, b) => a - b),
          [...items].sort((a, b) => a - b),
        );
      }),
    );
  });

  it('puts every item everywhere equally often', () => {
    const counts = new Array<number>(25).fill(0);
    for (let seed = 0; seed < 5_000; seed += 1) {
      shuffled([0, 1, 2, 3, 4], seededRandom('uniform', seed)).forEach((item, place) => {
        counts[item * 5 + place]! += 1;
      });
    }
    // 1,000 expected in each, standard deviation 28.
    assert.ok(
      counts.every((count) => Math.abs(count - 1_000) < 150),
      counts.join(' '),
    );
  });
});
