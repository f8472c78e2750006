import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { brake, type RateSettings, RELEASED, rateLimit } from '../../src/host/rate.js';

const settings: RateSettings = {
  maxFramesPerSecond: null,
  minFramesPerSecond: 1,
  slowAboveC: 78,
  fasterBelowC: 72,
  batteryLowPercent: 15,
  batteryMaxFramesPerSecond: 2,
};
const fine = { temperatureC: 50, throttled: null, battery: null };
const at = (temperatureC: number | null) => ({ ...fine, temperatureC });

describe('brake', () => {
  it('slows down step by step from the measured rate while it is hot, and recovers by the same steps', () => {
    let state = brake(RELEASED, at(78), 16, settings);
    assert.deepEqual(state, { framesPerSecond: 12, from: 16, reason: 'heat' });
    state = brake(state, at(80), 12, settings);
    assert.equal(state.framesPerSecond, 9);
    for (const temperatureC of [77.9, 75, 72.1]) {
      assert.equal(brake(state, at(temperatureC), 9, settings), state);
    }
    state = brake(state, at(72), 9, settings);
    assert.equal(state.framesPerSecond, 12);
    assert.equal(brake(state, at(71), 12, settings), RELEASED);
  });

  it('slows down for a weak supply and for a throttling board', () => {
    const weak = { ...fine, throttled: { underVoltage: true, slowed: false } };
    assert.equal(brake(RELEASED, weak, 10, settings).reason, 'supply');
    const slowed = { ...fine, throttled: { underVoltage: false, slowed: true } };
    assert.equal(brake(RELEASED, slowed, 10, settings).reason, 'heat');
    assert.equal(brake(RELEASED, slowed, 10, settings).framesPerSecond, 7.5);
  });

  it('recovers on a board without a thermometer once the flags are cleared', () => {
    const state = { framesPerSecond: 7.5, from: 10, reason: 'supply' as const };
    assert.equal(brake(state, at(null), 7, settings), RELEASED);
  });

  it('never falls below the minimum rate, never reaches zero, and always recovers', () => {
    const temperature = fc.option(fc.double({ min: 20, max: 110, noNaN: true }));
    const rate = fc.double({ min: 0, max: 200, noNaN: true });
    const steps = fc.array(fc.tuple(temperature, rate, fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (looks) => {
        let state = RELEASED;
        for (const [temperatureC, framesPerSecond, weak] of looks) {
          const throttled = { underVoltage: weak, slowed: false };
          state = brake(state, { ...at(temperatureC), throttled }, framesPerSecond, settings);
          const { framesPerSecond: limit, from } = state;
          assert.ok(limit === null || (limit > 0 && limit >= Math.min(1, from)), `${limit}`);
          assert.ok(limit === null || limit <= from, `${limit} of ${from}`);
        }
        for (let look = 0; look < 30; look++) state = brake(state, fine, 5, settings);
        assert.equal(state, RELEASED);
      }),
    );
  });
});

describe('rateLimit', () => {
  const low = { ...fine, battery: { percent: 15, discharging: true } };

  it('reports which of several limits applies', () => {
    const hot = { framesPerSecond: 6, from: 20, reason: 'heat' as const };
    const limited = { ...settings, maxFramesPerSecond: 10 };
    assert.deepEqual(rateLimit(RELEASED, fine, settings), { framesPerSecond: null, reason: null });
    assert.deepEqual(rateLimit(RELEASED, fine, limited), {
      framesPerSecond: 10,
      reason: 'configured',
    });
    assert.deepEqual(rateLimit(hot, fine, limited), { framesPerSecond: 6, reason: 'heat' });
    assert.deepEqual(rateLimit(hot, low, limited), { framesPerSecond: 2, reason: 'battery' });
  });

  it('ignores a battery that is charging or sufficiently charged', () => {
    for (const battery of [
      { percent: 15, discharging: false },
      { percent: 16, discharging: true },
    ]) {
      assert.equal(rateLimit(RELEASED, { ...fine, battery }, settings).framesPerSecond, null);
    }
    const off = { ...settings, batteryLowPercent: 0 };
    assert.equal(rateLimit(RELEASED, low, off).framesPerSecond, null);
  });
});
