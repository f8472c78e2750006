import assert from 'node:assert/strict';
import { test } from 'node:test';
import { switchUnderFaults } from '../../chaos/switch/switch-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';

test('a head serves after every fault of a switch, and no label is lost', {
  timeout: TEST_HANG_MS,
}, async () => {
  // `chaos -- switch` tries the whole table.
  const outcome = await switchUnderFaults([
    ['train', 'kill'],
    ['published', 'foreign'],
    ['switched', 'corrupt'],
    ['rollback', 'nan'],
  ]);
  assert.deepEqual(outcome.violations, []);
  assert.deepEqual([outcome.cells, outcome.struck], [4, 4]);
});
