import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameStatistics } from '../../../src/agent/seeing/frame-statistics.js';
import { pause } from '../../../src/base/pause.js';
import { TEST_HANG_MS } from '../../liveness.js';

describe('the statistics of frames', () => {
  test('are nothing before the first frame', () => {
    const statistics = new FrameStatistics();
    assert.deepEqual(
      [statistics.framesTotal, statistics.refusedTotal, statistics.framesPerSecond()],
      [0, 0, 0],
    );
    assert.deepEqual([statistics.durationMs(0.5), statistics.durationMs(0.95)], [null, null]);
  });

  test('count every frame, and those refused apart', () => {
    const statistics = new FrameStatistics();
    for (let i = 0; i < 600; i++) statistics.add(1);
    statistics.refuse();
    assert.deepEqual([statistics.framesTotal, statistics.refusedTotal], [600, 1]);
  });

  test('give the rate of the last five seconds, which falls to nothing when frames stop', () => {
    let nowMs = 1_000;
    const statistics = new FrameStatistics(() => nowMs);
    for (let i = 0; i < 100; i++) {
      statistics.add(5);
      nowMs += 100;
    }
    // The frame of now is still to come.
    assert.equal(statistics.framesPerSecond(), 10);
    nowMs += 2_500;
    assert.equal(statistics.framesPerSecond(), 5);
    nowMs += 60_000;
    assert.equal(statistics.framesPerSecond(), 0);
  });

  test('do not heed the wall clock', (t) => {
    const statistics = new FrameStatistics();
    for (let i = 0; i < 50; i++) statistics.add(5);
    const before = statistics.framesPerSecond();
    assert.equal(before, 10);
    const real = Date.now;
    for (const stepMs of [-86_400_000, 86_400_000]) {
      t.mock.method(Date, 'now', () => real() + stepMs);
      assert.equal(statistics.framesPerSecond(), before);
    }
  });

  test('give quantiles of the last 512 frames', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 700 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (durations, quantile) => {
          const statistics = new FrameStatistics();
          for (const durationMs of durations) statistics.add(durationMs);
          const found = statistics.durationMs(quantile)!;
          const last = durations.slice(-512);
          assert.ok(last.includes(found));
          const below = last.filter((value) => value < found).length;
          const notAbove = last.filter((value) => value <= found).length;
          assert.ok(below <= quantile * last.length && notAbove >= quantile * last.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('show that the loop was held up, until they begin anew', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const statistics = new FrameStatistics();
    assert.ok(statistics.loopDelayMs() < 1);
    statistics.start();
    t.after(() => statistics.stop());
    const measured = async (atLeastMs: number): Promise<void> => {
      while (statistics.loopDelayMs() < atLeastMs) await pause(1);
    };
    await measured(1);
    const endMs = performance.now() + 200;
    while (performance.now() < endMs);
    // Its timer was due at some time while the loop was held up.
    await measured(100);
    statistics.stop();
    statistics.resetLoopDelay();
    assert.ok(statistics.loopDelayMs() < 1, String(statistics.loopDelayMs()));
  });
});
