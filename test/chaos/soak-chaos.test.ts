import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../chaos/soak/soak-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

/** `chaos -- soak` lives for 30 days, and measures how memory grows. */
const DAYS = 3;

test('a robot lives for days: nothing is lost, and its log explains what happened', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async () => {
  const outcome = await run(['--days', String(DAYS), '--day-ms', '6000']);
  assert.deepEqual(outcome.violations, []);
  assert.deepEqual([outcome.days, outcome.outages, outcome.labels], [DAYS, 1, 12 * DAYS]);
  assert.ok(outcome.frames > 0);
});
