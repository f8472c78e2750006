import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpeedReports } from '../../../src/agent/seeing/speed-reports.js';

function reports(usePosition = true) {
  const told: number[] = [];
  const clock = { nowMs: 0 };
  const outputs = { reportSpeed: (speed: number) => void told.push(speed) };
  const speeds = new SpeedReports(outputs, { usePosition, maxAgeMs: 2_000 }, () => clock.nowMs);
  return { told, clock, speeds };
}

test('the speed of the receiver is used while no program reports one', () => {
  const { told, clock, speeds } = reports();
  speeds.fromPosition(0.5);
  speeds.fromPosition(null);
  speeds.reportSpeed(0.8);
  clock.nowMs = 1_999;
  speeds.fromPosition(0.6);
  clock.nowMs = 2_000;
  speeds.fromPosition(0.7);
  assert.deepEqual(told, [0.5, 0.8, 0.7]);
});

test('the settings turn the speed of the receiver off, not that of a program', () => {
  const { told, speeds } = reports(false);
  speeds.fromPosition(0.5);
  speeds.reportSpeed(0.8);
  assert.deepEqual(told, [0.8]);
});
