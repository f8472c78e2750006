import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OutputTimeline } from '../../src/alerts/output-timeline.js';

test('an output is on while any alert wanted it on, each with its own delay', () => {
  const DELAYS_MS = [0, 7, 20];
  const step = fc.record({ waitMs: fc.nat(10), alert: fc.nat(DELAYS_MS.length - 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const timeline = new OutputTimeline({ msAt: () => null });
      // Alerts 0 and 1 share an output. Each step turns an alert over.
      const outputOf = (alert: number) => (alert < 2 ? 'horn' : 'lamp');
      const changes: { atMs: number; alert: number; on: boolean }[] = [];
      const wanted = new Map<number, boolean>();
      let nowMs = 0;
      for (const { waitMs, alert } of steps) {
        nowMs += waitMs;
        const on = wanted.get(alert) !== true;
        wanted.set(alert, on);
        const atMs = nowMs + DELAYS_MS[alert]!;
        changes.push({ atMs, alert, on });
        timeline.add({ due: { atMs }, alert: String(alert), output: outputOf(alert), on });
        const isOn = (each: number) =>
          changes.findLast((change) => change.alert === each && change.atMs <= nowMs)?.on === true;
        const expected = [...DELAYS_MS.keys()].filter(isOn);
        assert.deepEqual(timeline.active(nowMs), new Set(expected.map(outputOf)));
        const later = changes.map((change) => change.atMs).filter((due) => due > nowMs);
        assert.equal(timeline.nextMs, later.length === 0 ? null : Math.min(...later));
      }
    }),
  );
});

test('an alert that comes and goes while the robot stands leaves nothing to switch there', () => {
  let atMeters = 1;
  const timeline = new OutputTimeline({ msAt: (meters) => 1_000 * meters });
  const turn = (on: boolean) =>
    timeline.add({ due: { atMeters }, alert: 'a', output: 'nozzle', on });
  for (const on of [true, false, true, false]) turn(on);
  assert.equal(timeline.nextMs, null);
  turn(true);
  atMeters = 2;
  for (const on of [false, true, false]) turn(on);
  assert.equal(timeline.nextMs, 1_000);
  assert.deepEqual(timeline.active(1_500), new Set(['nozzle']));
  assert.deepEqual(timeline.active(2_000), new Set());
});
