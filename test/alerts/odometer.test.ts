import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Odometer } from '../../src/alerts/odometer.js';

/** The distance by small steps, at the speed that applies in each. */
function stepped(
  reports: readonly { atMs: number; metersPerSecond: number }[],
  usual: number,
  maxAgeMs: number,
  untilMs: number,
): number {
  let meters = 0;
  for (let ms = 0; ms < untilMs; ms++) {
    const last = reports.findLast(({ atMs }) => atMs <= ms);
    const speed = last && ms < last.atMs + maxAgeMs ? last.metersPerSecond : usual;
    meters += speed / 1_000;
  }
  return meters;
}

describe('the odometer', () => {
  test('adds up the distance at the reported speed while it is fresh, else at the usual one', () => {
    const report = fc.record({
      afterMs: fc.integer({ min: 0, max: 300 }),
      metersPerSecond: fc.constantFrom(0, 0.5, 1, 3),
    });
    fc.assert(
      fc.property(
        fc.array(report, { maxLength: 8 }),
        fc.constantFrom(0, 1),
        fc.integer({ min: 1, max: 200 }),
        (steps, usual, maxAgeMs) => {
          const odometer = new Odometer(usual, maxAgeMs);
          const reports: { atMs: number; metersPerSecond: number }[] = [];
          let nowMs = 0;
          for (const { afterMs, metersPerSecond } of steps) {
            nowMs += afterMs;
            odometer.report(metersPerSecond, nowMs);
            reports.push({ atMs: nowMs, metersPerSecond });
          }
          const later = nowMs + 150;
          const expected = stepped(reports, usual, maxAgeMs, later);
          // The sum of steps is off by rounding.
          const ahead = odometer.msAt(expected - 1e-9);
          assert.ok(Math.abs(odometer.metersAt(later) - expected) < 1e-9);
          // Where the robot stands at the end, it was there before.
          assert.ok(ahead !== null && ahead <= later + 1e-6, `${ahead} ${later}`);
        },
      ),
    );
  });

  test('tells when a distance will be reached, at the speeds known now', () => {
    const odometer = new Odometer(1, 500);
    assert.equal(odometer.msAt(2), 2_000);
    odometer.report(0, 1_000);
    assert.equal(odometer.msAt(2), 2_500, 'it stands for the time of the report');
    odometer.report(4, 1_200);
    assert.equal(odometer.msAt(2), 1_450);
    assert.equal(odometer.msAt(5), 1_700 + 2_000, 'beyond the report at the usual speed');
    assert.equal(new Odometer(0, 500).msAt(1), null, 'never');
    assert.equal(new Odometer(0, 500).msAt(0), 0);
  });
});
