import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAll } from '../../chaos/kill/kill-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';

test('killed at any moment: everything acknowledged is there, and nothing is invented', {
  timeout: TEST_HANG_MS,
}, async () => {
  const outcome = await killAll({ rounds: 40, daemons: 1, seed: 1 });
  assert.deepEqual(outcome.violations, []);
  assert.equal(outcome.rounds, 40);
  assert.ok(outcome.acknowledged > 100, `${outcome.acknowledged} were acknowledged`);
});
