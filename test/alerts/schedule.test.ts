import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applies, type LocalTime, localTimeOf } from '../../src/alerts/schedule.js';
import { configSchema } from '../../src/config/schema.js';

type Window = { days?: string[]; from: string; to: string };

function schedule(windows: Window[], whileClockUnset = 'apply') {
  const rule = { name: 'r', labels: ['x'], schedule: windows, whileClockUnset };
  return configSchema.parse({ alerts: { rules: [rule] } }).alerts.rules[0]!;
}

/** 0 = Sunday. */
const at = (day: number, time: string): LocalTime => {
  const [hours, minutes] = time.split(':');
  return { day, minute: 60 * Number(hours) + Number(minutes) };
};

test('a window holds from its begin to before its end, on its days', () => {
  const rule = schedule([{ days: ['mon', 'tue'], from: '06:30', to: '18:00' }]);
  assert.equal(applies(rule, at(1, '06:29')), false);
  assert.equal(applies(rule, at(1, '06:30')), true);
  assert.equal(applies(rule, at(2, '17:59')), true);
  assert.equal(applies(rule, at(2, '18:00')), false);
  assert.equal(applies(rule, at(3, '12:00')), false);
});

test('a window over midnight belongs to the day on which it begins', () => {
  const rule = schedule([{ days: ['sat'], from: '22:00', to: '05:00' }]);
  assert.equal(applies(rule, at(6, '04:00')), false, 'the night before');
  assert.equal(applies(rule, at(6, '22:00')), true);
  assert.equal(applies(rule, at(0, '04:59')), true);
  assert.equal(applies(rule, at(0, '05:00')), false);
  assert.equal(applies(rule, at(0, '23:00')), false);
});

test('without windows a rule applies always, and without a clock it does as it says', () => {
  assert.equal(applies(schedule([]), null), true);
  assert.equal(applies(schedule([], 'ignore'), null), true);
  const night = [{ from: '22:00', to: '24:00' }];
  assert.equal(applies(schedule(night), null), true);
  assert.equal(applies(schedule(night, 'ignore'), null), false);
});

test('a clock before 2024 is not set; another shows the time of the board', () => {
  assert.equal(localTimeOf(new Date(2023, 11, 31, 23, 59)), null);
  assert.equal(localTimeOf(new Date(Number.NaN)), null);
  assert.deepEqual(localTimeOf(new Date(2026, 4, 4, 6, 5)), at(1, '06:05'));
});

test('the windows of a day cover it without a gap or an overlap', () => {
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
  const minutes = fc.integer({ min: 0, max: 1_439 });
  fc.assert(
    fc.property(minutes, minutes, minutes, fc.integer({ min: 0, max: 6 }), (a, b, now, day) => {
      fc.pre(a !== b);
      const there = schedule([{ from: clock(a), to: clock(b) }]);
      const back = schedule([{ from: clock(b), to: clock(a) }]);
      const time = { day, minute: now };
      assert.notEqual(applies(there, time), applies(back, time));
    }),
  );
});
