import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom, seedFrom, shuffled } from '../../src/base/random.js';
import { GroupClock } from '../../src/camera/group-clock.js';

describe('GroupClock', () => {
  it('begins a group with a frame and ends it after the window', () => {
    const clock = new GroupClock('main', 30_000);
    const start = Date.UTC(2026, 2, 14, 9, 15, 0, 250);
    assert.equal(clock.groupAt(start, 500), 'main-20260314T091500.250Z');
    assert.equal(clock.groupAt(start + 29_999, 30_499), 'main-20260314T091500.250Z');
    assert.equal(clock.groupAt(start + 30_000, 30_500), 'main-20260314T091530.250Z');
  });

  it('ends a group after the window and not before, wherever the wall clock is set', () => {
    const frame = fc.record({
      passedMs: fc.integer({ min: 0, max: 100_000 }),
      setByMs: fc.constantFrom(0, 0, 0, -86_400_000, 86_400_000, -1_750_000_000_000),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.array(frame), (windowMs, frames) => {
        const clock = new GroupClock('cam', windowMs);
        let nowMs = 0;
        let wallMs = 1_750_000_000_000;
        let began: { group: string; nowMs: number } | null = null;
        for (const { passedMs, setByMs } of frames) {
          nowMs += passedMs;
          wallMs += passedMs + setByMs;
          const group = clock.groupAt(wallMs, nowMs);
          if (began && nowMs - began.nowMs < windowMs) assert.equal(group, began.group);
          else began = { group, nowMs };
        }
      }),
    );
  });
});

describe('shuffled', () => {
  it('is a permutation, the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
        const once = shuffled(items, createRandom(seedFrom(seed)));
        assert.deepEqual(shuffled(items, createRandom(seedFrom(seed))), once);
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
      shuffled([0, 1, 2, 3, 4], createRandom(seedFrom('uniform', seed))).forEach((item, place) => {
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
