import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attackCommands } from '../../chaos/commands/commands-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

const CASES = 1_200;

test('bad commands are never executed, and valid ones never twice, whenever the robot is killed', {
  timeout: TEST_HANG_MS,
  skip: withoutMosquitto,
}, async () => {
  const outcome = await attackCommands({ cases: CASES, seed: 1 });
  assert.deepEqual(outcome.violations, []);
  assert.equal(outcome.executed, 0);
  assert.equal(outcome.cases, CASES);
  assert.equal(outcome.flood?.refused, 5_000);
  assert.ok(Object.values(outcome.kinds).every((count) => count > 0));
  assert.ok(outcome.executed_once >= outcome.valid / 2, `${outcome.executed_once} were executed`);
});
