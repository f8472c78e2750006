import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentStatus } from '../../src/agent/status.js';
import { TEST_HANG_MS } from '../liveness.js';
import { TestAgent } from './support.js';

describe('the agent', { timeout: TEST_HANG_MS }, () => {
  test('knows how long it runs and how fast frames go by although the clock is set back', async (t) => {
    const { agent } = await TestAgent.start(t, ['crop', 'weed', 'stone']);
    const before = agentStatus(agent);
    const real = Date.now;
    for (const stepMs of [-86_400_000, 86_400_000]) {
      t.mock.method(Date, 'now', () => real() + stepMs);
      const { uptimeSeconds, frames } = agentStatus(agent);
      assert.ok(uptimeSeconds >= before.uptimeSeconds && uptimeSeconds < 3_600);
      assert.ok(frames.perSecond <= before.frames.perSecond);
    }
  });
});
