import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../src/perception/pace.js';

describe('Pace', () => {
  it('begins at once while no forward pass is in work', () => {
    const pace = new Pace();
    assert.equal(pace.waitMs(1_000, null), 0);
    pace.decoded(5);
    pace.forwarded(70);
    assert.equal(pace.waitMs(1_000, null), 0);
  });

  it('decodes as late as it can so that the pixels are there when the forward pass ends', () => {
    const pace = new Pace();
    pace.decoded(5);
    pace.forwarded(70);
    assert.equal(pace.waitMs(1_000, 1_000), 70 - 5 - 1);
    assert.equal(pace.waitMs(1_050, 1_000), 14);
    assert.equal(pace.waitMs(1_065, 1_000), 0);
    pace.decoded(105);
    assert.equal(pace.waitMs(1_000, 1_000), 70 - 25 - 1);
  });

  it('keeps to a limit without losing frames of a camera at just that rate', () => {
    const pace = new Pace();
    pace.limit(10);
    let begun = 0;
    for (let frame = 0; frame < 100; frame++) {
      // Frames come a little early or late, as timers do.
      const nowMs = 1_000 + frame * 100 + (frame % 3);
      const waitMs = pace.waitMs(nowMs, null);
      assert.ok(waitMs <= 2, `frame ${frame} waits ${waitMs} ms`);
      pace.started(nowMs + waitMs);
      begun += 1;
    }
    assert.equal(begun, 100);
  });

  it('lets no more through than the limit, however many come', () => {
    const pace = new Pace();
    pace.limit(10);
    let begun = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs++) {
      if (pace.waitMs(nowMs, null) > 0) continue;
      pace.started(nowMs);
      begun += 1;
    }
    assert.ok(begun >= 100 && begun <= 102, `${begun} frames in 10 s`);
    pace.limit(null);
    assert.equal(pace.waitMs(10_000, null), 0);
  });
});
