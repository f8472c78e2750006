import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Moment } from '../../src/base/moment.js';

describe('a moment', () => {
  test('keeps its date although the clocks drift apart, until the wall clock is set', (t) => {
    const wallClock = Date.now;
    t.after(() => {
      Date.now = wallClock;
    });
    let setByMs = 0;
    Date.now = () => wallClock() + setByMs;
    const moment = new Moment();
    const dateMs = moment.dateMs();
    assert.ok(Math.abs(dateMs - wallClock()) < 60_000);
    for (setByMs of [1, -1, 40, -40]) assert.equal(moment.dateMs(), dateMs);
    for (setByMs of [3_600_000, -86_400_000, 0]) {
      assert.ok(Math.abs(moment.dateMs() - dateMs - setByMs) < 1_000, `set by ${setByMs} ms`);
    }
  });

  test('has an age that a clock that is set does not change', (t) => {
    const wallClock = Date.now;
    t.after(() => {
      Date.now = wallClock;
    });
    const moment = new Moment(performance.now() - 5_000);
    Date.now = () => wallClock() + 3_600_000;
    assert.ok(moment.ageMs() >= 5_000);
    assert.ok(moment.ageMs() < 65_000);
  });
});
