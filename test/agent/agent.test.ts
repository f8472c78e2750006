import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { agentStatus } from '../../src/agent/status.js';
import { removeCachedModel } from '../../src/backbone/cache.js';
import { events } from '../console/client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { TestAgent, writePhotos } from './support.js';

/** What keeps this process alive, when handles that were closed are gone. */
async function resources(): Promise<string[]> {
  for (let i = 0; i < 3; i++) await turn();
  return process
    .getActiveResourcesInfo()
    .filter((kind) => ['Timeout', 'TCPServerWrap', 'MessagePort', 'ProcessWrap'].includes(kind))
    .sort();
}

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
    const path = await writePhotos(temporaryFolder(t), ['crop', 'weed']);
    const { agent, decisions, lines, url } = await TestAgent.start(t, [], {
      cameras: [{ driver: 'replay', path, intervalMs: 5 }],
      mqtt: { metricsIntervalMs: 1_000 },
    });
    await decisions.count(1);
    const page = new AbortController();
    t.after(() => page.abort());
    await events(url, page.signal).next();
    const { id } = (await agent.operations.snapshot(undefined)).sample;
    agent.state.database.exec('ALTER TABLE store_totals RENAME TO lost');
    await lines.until(({ msg }) => msg === 'cannot report metrics');
    // The label itself can be kept.
    const by = { source: 'mqtt' } as const;
    assert.equal((await agent.operations.label({ sample: id }, 'crop', by)).sample.label, 'crop');
    await lines.until(({ msg }) => msg === 'console: cannot read the status');
    await decisions.next();
    assert.equal((await fetch(`${url}/api/status`)).status, 500);
    agent.state.database.exec('ALTER TABLE lost RENAME TO store_totals');
    assert.equal((await fetch(`${url}/api/status`)).status, 200);
  });

  for (const [when, reached] of [
    ['at once', null],
    ['when perception is there', 'backbone ready'],
    ['when the page is open', 'console: listening'],
  ] as const) {
    test(`can be stopped while it starts: ${when}`, async (t) => {
      const before = await resources();
      const { agent, decisions, lines } = await TestAgent.create(t, ['crop']);
      const starting = agent.start().then(
        () => 'started',
        () => 'gave up',
      );
      if (reached) await lines.until(({ msg }) => msg === reached);
      await agent.stop();
      assert.equal(await starting, 'gave up');
      assert.deepEqual(decisions.all, []);
      assert.deepEqual(await resources(), before, 'nothing keeps the process alive');
    });
  }

  test('can be stopped while its backbone is fetched from a server that does not answer', async (t) => {
    const asked = new Recorder<string>();
    const server = createServer((request) => asked.add(request.url ?? ''));
    const port = await listen(server);
    t.after(() => server.closeAllConnections());
    t.after(() => server.close());
    const { agent } = await TestAgent.create(t, ['crop']);
    const { models, paths } = agent.config;
    models.mirrors.push(`http://127.0.0.1:${port}/`);
    models.allowDownload = true;
    await removeCachedModel(paths.cacheDir, 'tiny');
    const starting = assert.rejects(agent.start());
    await asked.until((path) => path === '/tiny.onnx');
    await agent.stop();
    await starting;
  });

  test('can be stopped before its first frame, and twice', async (t) => {
    const before = await resources();
    const { agent, decisions, lines } = await TestAgent.create(t, ['crop']);
    await assert.rejects(
      agent.start({ beforeFrames: () => agent.stop() }),
      /stopped during start-up/,
    );
    await agent.stop();
    assert.deepEqual(decisions.all, []);
    assert.equal(
      lines.all.find(({ msg }) => msg === 'ready'),
      undefined,
    );
    assert.deepEqual(await resources(), before);
  });
});
