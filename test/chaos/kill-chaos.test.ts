import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAll } from '../../chaos/kill/kill-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';

const ROUNDS = 200;

test('killed at any moment: everything acknowledged is there, and nothing is invented', {
  timeout: TEST_HANG_MS,
}, async () => {
  const outcome = await killAll({ rounds: ROUNDS, daemons: 8, seed: 1 });
  assert.deepEqual(outcome.violations, []);
  assert.equal(outcome.rounds, ROUNDS);
  assert.ok(outcome.acknowledged > 5 * ROUNDS, `${outcome.acknowledged} were acknowledged`);
});
