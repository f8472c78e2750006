import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startConsole } from '../../../src/agent/console/start-console.js';
import { ask, TOKEN } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { TestAgent } from '../support.js';

/** A running robot without a page, whose settings of the page the test may change. */
async function robot(t: Parameters<typeof TestAgent.start>[0]) {
  const { agent, dir } = await TestAgent.start(t, [], { console: { enabled: false } });
  assert.equal(agent.consoleUrl, null, 'switched off');
  const { console: settings } = agent.config;
  settings.port = 0;
  return { agent, dir, settings };
}

describe('startConsole', { timeout: TEST_HANG_MS }, () => {
  test('opens the page over the running robot, and closes it', async (t) => {
    const { agent } = await robot(t);
    const page = await startConsole(agent);
    assert.match(page.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.equal((await ask(page.url)).status, 200);
    assert.equal((await ask(`${page.url}api/status`)).json.robot, 'r1');
    await page.close();
    await assert.rejects(ask(page.url), { code: 'ECONNREFUSED' });
  });

  test('asks for the token in the file', async (t) => {
    const { agent, dir, settings } = await robot(t);
    const file = join(dir, 'token');
    settings.token = { file };
    await assert.rejects(startConsole(agent), { code: 'HL_SECRET_UNREADABLE' });
    writeFileSync(file, 'short\n', { mode: 0o600 });
    await assert.rejects(startConsole(agent), { code: 'HL_CONSOLE_TOKEN_WEAK' });
    writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
    const page = await startConsole(agent);
    t.after(() => page.close());
    assert.equal((await ask(`${page.url}api/status`)).status, 401);
    const authorization = `Bearer ${TOKEN}`;
    assert.equal((await ask(`${page.url}api/status`, 'GET', { authorization })).status, 200);
  });

  test('shows itself to the network only behind a token', async (t) => {
    const { agent, settings } = await robot(t);
    settings.host = '0.0.0.0';
    await assert.rejects(startConsole(agent), { code: 'HL_CONSOLE_TOKEN_NEEDED' });
  });
});
