import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  Courtesy,
  type ProcessorTimes,
  parseProcessorTimes,
} from '../../src/training/job/courtesy.js';
import { PauseGate } from '../../src/training/job/pause-gate.js';

/** Reads one after the other. */
function readings(times: readonly (ProcessorTimes | null)[]): () => ProcessorTimes | null {
  let next = 0;
  return () => times[next++] ?? null;
}

describe('a training without a low priority', () => {
  it('rests for programs that wanted the processor, and not for itself', () => {
    const courtesy = new Courtesy(
      readings([
        { usedMs: 0, waitedMs: 0 },
        { usedMs: 80, waitedMs: 20 },
        { usedMs: 160, waitedMs: 60 },
        { usedMs: 1_160, waitedMs: 2_060 },
        null,
        { usedMs: 1_200, waitedMs: 9_000 },
      ]),
    );
    const rests = Array.from({ length: 5 }, () => courtesy.restMs());
    assert.deepEqual(rests, [0, 640, 1_000, 0, 0]);
  });

  it('works on after a bounded rest, whatever the kernel says', () => {
    const times = fc.record({
      usedMs: fc.double({ min: 0, noNaN: true }),
      waitedMs: fc.double({ min: 0, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(fc.option(times), { minLength: 2 }), (given) => {
        const courtesy = new Courtesy(readings(given));
        return given.slice(1).every(() => {
          const restMs = courtesy.restMs();
          return restMs <= 1_000;
        });
      }),
    );
  });

  it('reads what the kernel counts, and nothing else', () => {
    assert.deepEqual(parseProcessorTimes('1500000 250000 7\n'), { usedMs: 1.5, waitedMs: 0.25 });
    assert.notEqual(parseProcessorTimes(readFileSync('/proc/self/schedstat', 'utf8')), null);
    fc.assert(fc.property(fc.string(), (text) => parseProcessorTimes(`${text}x`) === null));
  });

  it('does not count its rests as time of the training', async () => {
    const gate = new PauseGate();
    gate.beCourteous({ restMs: () => 40 });
    const before = { clockMs: performance.now(), gateMs: gate.nowMs() };
    await gate.pass();
    const restedMs = performance.now() - before.clockMs - (gate.nowMs() - before.gateMs);
    assert.ok(restedMs >= 39, `${restedMs} ms are left out`);
  });
});
