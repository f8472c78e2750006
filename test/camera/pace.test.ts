import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom, seedFrom, shuffled } from '../../src/base/random.js';
import { GroupClock } from '../../src/camera/group-clock.js';

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
