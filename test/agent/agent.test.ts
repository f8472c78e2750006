import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TestAgent } from './support.js';

describe('the agent', () => {
  test('decides', async (t) => {
    const running = await TestAgent.start(t, ['crop', 'weed', 'stone']);
    assert.equal(running.decisions.all.length, 3);
    await running.stop();
  });
});
