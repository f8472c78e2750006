import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../chaos/mqtt/mqtt-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

/** `chaos -- mqtt` does 100 rounds. */
const ROUNDS = 12;

test('no event is lost or doubled, whatever broker, connection, robot and clock do', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async () => {
  const { violations, rounds, events, lost, ...rest } = await run(['--rounds', String(ROUNDS)]);
  assert.deepEqual(violations, []);
  assert.deepEqual([rounds, lost, rest.duplicates_after_dedupe], [ROUNDS, 0, 0]);
  assert.ok(events > 0);
});
