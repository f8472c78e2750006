import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RecentFrames } from '../../../src/agent/seeing/recent-frames.js';
import { recentFrame } from '../support.js';

const sized = (sequence: number, bytes: number, camera = 'main') =>
  recentFrame({ sequence, camera, jpeg: new Uint8Array(bytes) });

describe('the frames in memory', () => {
  test('are found by their id, and the newest of a camera or of all', () => {
    const recent = new RecentFrames({ maxFrames: 10, maxBytes: 1_000 });
    assert.equal(recent.latest(), undefined);
    const [left, right] = [sized(1, 10, 'left'), sized(1, 10, 'right')];
    recent.add(left);
    recent.add(right);
    assert.equal(recent.get(left.frameId), left);
    assert.equal(recent.get('boot-left-2'), undefined);
    assert.equal(recent.latest(), right);
    assert.equal(recent.latest('left'), left);
    assert.equal(recent.latest('rear'), undefined);
  });

  test('are found by the task that has decided on them', () => {
    const recent = new RecentFrames({ maxFrames: 10, maxBytes: 1_000 });
    const [left, right] = [sized(1, 10, 'left'), sized(1, 10, 'right')];
    right.perceived.answers = [];
    recent.add(left);
    recent.add(right);
    assert.equal(recent.latest(undefined, 'main'), left);
    assert.equal(recent.latest('right', 'main'), undefined);
    assert.equal(recent.latest('left', 'rows'), undefined);
  });

  test('stay within both bounds, the oldest go first, and the newest is always there', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 40 }),
        (maxFrames, maxBytes, sizes) => {
          const recent = new RecentFrames({ maxFrames, maxBytes });
          const frames = sizes.map((bytes, index) => sized(index, bytes));
          for (const [index, frame] of frames.entries()) {
            recent.add(frame);
            const known = frames.slice(0, index + 1);
            const kept = known.filter(({ frameId }) => recent.get(frameId));
            // As many of the newest as fit, and at least one.
            const expected = known.filter((_, at) => {
              const rest = known.slice(at);
              const bytes = rest.reduce((sum, { frame: { jpeg } }) => sum + jpeg.byteLength, 0);
              return rest.length === 1 || (rest.length <= maxFrames && bytes <= maxBytes);
            });
            assert.deepEqual(kept, expected);
            assert.equal(recent.latest(), frame);
          }
        },
      ),
    );
  });
});
