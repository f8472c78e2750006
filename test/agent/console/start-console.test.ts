import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { askConsole } from '../../../src/agent/access/ask-console.js';
import { recordedListening } from '../../../src/agent/access/listening.js';
import { openPresentState } from '../../../src/agent/access/present-state.js';
import { RobotAccess } from '../../../src/agent/access/robot-access.js';
import { startConsole } from '../../../src/agent/console/start-console.js';
import { silentLog } from '../../../src/base/log.js';
import { ask, cookieOf, logIn, TOKEN } from '../../console/client.js';
import { offered } from '../../console/test-access.js';
import { HANG_MS, TEST_HANG_MS } from '../../liveness.js';
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

  test('makes a token of its own for the network, once, and tells only where it lies', async (t) => {
    const { agent, settings } = await robot(t);
    settings.host = '0.0.0.0';
    const file = join(agent.config.paths.stateDir, 'console-token');
    const first = await startConsole(agent);
    const token = readFileSync(file, 'utf8').trim();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(token.length >= 43, 'of 256 bits');
    assert.equal((await ask(`${first.url}api/status`)).status, 401);
    const authorization = `Bearer ${token}`;
    assert.equal((await ask(`${first.url}api/status`, 'GET', { authorization })).status, 200);
    assert.equal(recordedListening(agent.state.meta)?.tokenFile, file);
    await first.close();
    const second = await startConsole(agent);
    t.after(() => second.close());
    assert.equal(readFileSync(file, 'utf8').trim(), token);
  });

  test('is not opened to the network when no token can be written', async (t) => {
    const { agent, dir, settings } = await robot(t);
    settings.host = '0.0.0.0';
    agent.config.paths.stateDir = join(dir, 'gone');
    await assert.rejects(startConsole(agent), { code: 'HL_CONSOLE_TOKEN_NEEDED' });
  });

  test('pairs a device with a link from another process', async (t) => {
    const { agent, settings } = await robot(t);
    settings.host = '0.0.0.0';
    const page = await startConsole(agent);
    t.after(() => page.close());
    const beside = openPresentState(agent.config, silentLog());
    t.after(() => beside.close());
    const access = new RobotAccess({
      table: beside.access,
      meta: beside.meta,
      audit: beside.audit,
      sessionDays: 90,
      listening: () => recordedListening(beside.meta),
    });
    const pairing = await offered(access);
    const paired = await logIn(page.url, { pairing });
    assert.equal(paired.status, 200);
    const cookie = cookieOf(paired);
    assert.equal((await ask(`${page.url}api/status`, 'GET', { cookie })).status, 200);
    await access.revokeAll({ source: 'cli' });
    assert.equal((await ask(`${page.url}api/status`, 'GET', { cookie })).status, 401);
    const entries = agent.state.audit.list({ kind: 'command' });
    assert.deepEqual(
      entries.map(({ detail }) => [detail.name, detail.source]),
      [
        ['revoke-session', 'cli'],
        ['log-in', 'console'],
        ['pair', 'cli'],
      ],
    );
  });

  test('encrypts with a certificate that it has made, the same after a restart', async (t) => {
    const { agent, settings } = await robot(t);
    settings.host = '0.0.0.0';
    settings.tls.mode = 'self-signed';
    const first = await startConsole(agent);
    assert.match(first.url, /^https:/);
    const file = join(agent.config.paths.stateDir, 'console-tls.pem');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const before = readFileSync(file, 'utf8');
    const url = `${first.url}healthz`;
    const answer = await askConsole({ url, timeoutMs: HANG_MS }, agent.config);
    assert.match(Buffer.from(answer!).toString(), /"alive":true/);
    const { fingerprintSha256 } = recordedListening(agent.state.meta)!;
    assert.equal(fingerprintSha256, new X509Certificate(before).fingerprint256);
    await first.close();
    const second = await startConsole(agent);
    t.after(() => second.close());
    assert.equal(readFileSync(file, 'utf8'), before);
  });
});
