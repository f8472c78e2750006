import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../chaos/fleet/fleet-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

test('merged sums are those of the robots, whatever hubs, store, broker and hostile robots do', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async () => {
  // `chaos -- fleet` does more rounds, on PostgreSQL and RabbitMQ, too.
  const { violations, rounds, comparisons, faults } = await run(['--rounds', '1']);
  assert.deepEqual(violations, []);
  assert.equal(rounds, 1);
  assert.ok(comparisons >= 2);
  for (const [fault, times] of Object.entries(faults)) assert.ok(times > 0, fault);
});
