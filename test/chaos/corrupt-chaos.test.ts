import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corrupt } from '../../chaos/corrupt/corrupt-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';

test('a robot opens a damaged state, serves, and says what it has lost', {
  timeout: TEST_HANG_MS,
}, async () => {
  const outcome = await corrupt({ every: null, rounds: 120, seed: 2, budgetMs: 15_000 });
  assert.deepEqual(outcome.violations, []);
  assert.ok(outcome.repaired > 0);
});
