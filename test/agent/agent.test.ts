import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentStatus } from '../../src/agent/status.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryDirectory } from '../training/fixture.js';
import { TestAgent, writePhotos } from './support.js';

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

  test('classifies on when its database can no longer be read, and says so', async (t) => {
    const path = await writePhotos(temporaryDirectory(t), ['crop', 'weed']);
    const { agent, decisions, lines, url } = await TestAgent.start(t, [], {
      cameras: [{ driver: 'replay', path, intervalMs: 5 }],
      mqtt: { metricsIntervalMs: 1_000 },
    });
    await decisions.count(1);
    const page = new AbortController();
    t.after(() => page.abort());
    assert.equal((await fetch(`${url}/api/stream`, { signal: page.signal })).status, 200);
    const { id } = agent.operations.snapshot(undefined).sample;
    agent.state.database.exec('ALTER TABLE store_totals RENAME TO lost');
    await lines.until(({ msg }) => msg === 'cannot report metrics');
    // The label itself can be kept.
    const by = { source: 'mqtt' } as const;
    assert.equal((await agent.operations.label({ sample: id }, 'crop', by)).sample.label, 'crop');
    await lines.until(({ msg }) => msg === 'cannot look at the labels');
    await lines.until(({ msg }) => msg === 'the page cannot be told');
    await decisions.next();
    assert.equal((await fetch(`${url}/api/status`)).status, 500);
    agent.state.database.exec('ALTER TABLE lost RENAME TO store_totals');
    assert.equal((await fetch(`${url}/api/status`)).status, 200);
  });
});
