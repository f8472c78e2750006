import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { loadAssets } from '../../src/console/server/assets.js';
import { ConsoleServer } from '../../src/console/server/console-server.js';
import { TEST_HANG_MS } from '../liveness.js';
import { quietScheduler } from '../recorder.js';
import { ask, DECISION, open, raw, TOKEN, WRITE } from './client.js';
import { createFieldSource, createHead, sourcesOf } from './field-source.js';
import { newAccess } from './test-access.js';

describe('every route refuses', { timeout: TEST_HANG_MS }, () => {
  let server: ConsoleServer;
  let url: string;
  const source = createFieldSource();
  const auth = { authorization: `Bearer ${TOKEN}` };

  before(async () => {
    server = new ConsoleServer({
      host: '127.0.0.1',
      port: 0,
      token: TOKEN,
      sources: sourcesOf([source]),
      access: newAccess(),
      version: '0.0.0',
      repeats: quietScheduler(),
      log: silentLog(),
    });
    url = (await server.start()).url.slice(0, -1);
    await source.advance(DECISION);
    await source.ask(null);
    source.versions = [createHead(1, 0.9, ['a', 'b'])];
  });
  after(() => server.stop());

  const open = [...loadAssets().keys(), '/healthz'];
  const reads = [
    '/readyz',
    '/api/status',
    '/api/latest',
    '/api/frame.jpg',
    '/api/stream',
    '/api/waiting',
    '/api/samples/SAMPLE/picture',
    '/api/reports',
    '/api/heads',
  ];
  const writes = [
    ['/api/label', { frameId: 'main-1', label: 'maize' }],
    ['/api/retrain', {}],
    ['/api/rollback', {}],
  ] as const;
  const routes = [
    ...[...open, ...reads].map((path) => ({ method: 'GET', path, body: undefined })),
    ...writes.map(([path, body]) => ({ method: 'POST', path, body: JSON.stringify(body) })),
  ];

  for (const { method, path, body } of routes) {
    const good = { ...auth, ...(method === 'POST' ? WRITE : {}) };
    const send = (headers: Record<string, string>) =>
      ask(url + path.replace('SAMPLE', [...source.samples.keys()][0]!), method, headers, body);
    const refused = async (headers: Record<string, string>, status: number, code: string) => {
      const labels = source.labelOfFrame.size;
      const answer = await send(headers);
      assert.equal(answer.status, status);
      assert.equal(answer.json.error?.code, code);
      assert.ok(answer.json.error.message.length > 0 && answer.json.error.remedy.length > 0);
      assert.equal(source.labelOfFrame.size, labels, 'nothing was changed');
      assert.equal(source.training.running, false);
    };

    it(`${method} ${path}: a Host that is not ours`, async () => {
      for (const host of [
        'evil.example',
        'evil.example:8090',
        'localhost.evil.example',
        '[::1',
        '127.0.0.1@evil',
      ]) {
        await refused({ ...good, host }, 421, 'HL_CONSOLE_HOST_REFUSED');
      }
    });
    it(`${method} ${path}: an Origin that is not ours`, async () => {
      for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1']) {
        await refused({ ...good, origin }, 403, 'HL_CONSOLE_ORIGIN_REFUSED');
      }
      if (path !== '/') {
        const site = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
        await refused({ ...good, ...site }, 403, 'HL_CONSOLE_ORIGIN_REFUSED');
      }
    });
    if (!open.includes(path)) {
      it(`${method} ${path}: no token, a wrong one, one in the address`, async () => {
        const { authorization: _, ...without } = good;
        await refused(without, 401, 'HL_CONSOLE_TOKEN_REFUSED');
        for (const wrong of [`Bearer ${TOKEN}x`, `Basic ${TOKEN}`, 'Bearer ', 'Bearer']) {
          await refused({ ...good, authorization: wrong }, 401, 'HL_CONSOLE_TOKEN_REFUSED');
        }
        const answer = await ask(`${url}${path}?token=${TOKEN}`, method, without, body);
        assert.equal(answer.status, 401);
      });
    }
    if (method === 'POST') {
      it(`${method} ${path}: a change without X-Headland or not declared as JSON`, async () => {
        const { 'x-headland': _, ...without } = { ...WRITE, ...auth };
        await refused(without, 403, 'HL_CONSOLE_HEADER_MISSING');
        const plain = { ...good, 'content-type': 'text/plain' };
        await refused(plain, 415, 'HL_CONSOLE_CONTENT_TYPE');
      });
    }
    it(`${method} ${path}: other methods`, async () => {
      const others = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', method === 'GET' ? 'POST' : 'GET'];
      for (const other of others) {
        const answer = await ask(url + path.replace('SAMPLE', 'x'), other, { ...auth, ...WRITE });
        assert.equal(answer.status, 405, other);
        assert.equal(answer.headers.allow, method);
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
      }
    });
  }
});

describe('access control', { timeout: TEST_HANG_MS }, () => {
  it('needs a token off loopback, and a long one', async () => {
    const common = {
      port: 0,
      sources: sourcesOf([createFieldSource()]),
      access: newAccess(),
      version: '0.0.0',
      repeats: quietScheduler(),
      log: silentLog(),
    };
    for (const host of ['0.0.0.0', '::', '192.0.2.7', 'robot.example', '127.evil.example']) {
      await assert.rejects(
        new ConsoleServer({ ...common, host, token: null }).start(),
        (error) => isHeadlandError(error, 'HL_CONSOLE_TOKEN_NEEDED') && error.remedy.length > 0,
      );
    }
    await assert.rejects(
      new ConsoleServer({ ...common, host: '0.0.0.0', token: 'short' }).start(),
      (error) => isHeadlandError(error, 'HL_CONSOLE_TOKEN_WEAK'),
    );
  });

  it('answers to addresses and given names off loopback, never to foreign names', async (t) => {
    const { url } = await open(t, {
      host: '0.0.0.0',
      token: TOKEN,
      allowedHosts: ['Robot7.farm.example'],
    });
    const status = async (host: string) =>
      (await ask(`${url}/api/status`, 'GET', { host, authorization: `Bearer ${TOKEN}` })).status;
    assert.equal(await status('192.168.4.1:8090'), 200);
    assert.equal(await status('[fe80::1]:8090'), 200);
    assert.equal(await status('robot7.farm.example'), 200);
    assert.equal(await status('robot8.farm.example'), 421);
    assert.equal(await status('192.168.4.1.evil.example'), 421);
  });

  it('refuses a request without a host', async (t) => {
    const { url } = await open(t);
    const tail = 'Connection: close\r\n\r\n';
    assert.match(await raw(url, `GET /healthz HTTP/1.1\r\nHost: \r\n${tail}`), /^HTTP\/1\.1 421 /);
    assert.match(await raw(url, `GET /healthz HTTP/1.1\r\n${tail}`), /^HTTP\/1\.1 400 /);
    assert.match(await raw(url, `GET /healthz HTTP/1.0\r\n${tail}`), /^HTTP\/1\.1 421 /);
  });

  it('accepts its own page as origin, even behind a TLS proxy', async (t) => {
    const { url } = await open(t);
    for (const scheme of ['http', 'https']) {
      const origin = `${scheme}://${new URL(url).host}`;
      const answer = await ask(`${url}/api/retrain`, 'POST', { ...WRITE, origin }, '{}');
      assert.notEqual(answer.status, 403);
    }
  });

  it('reports an occupied port, and stops immediately with open streams', async (t) => {
    const { url, source, server } = await open(t);
    const port = Number(new URL(url).port);
    const second = new ConsoleServer({
      host: '127.0.0.1',
      port,
      token: null,
      sources: sourcesOf([source]),
      access: newAccess(),
      version: '0.0.0',
      repeats: quietScheduler(),
      log: silentLog(),
    });
    await assert.rejects(second.start(), (error) =>
      isHeadlandError(error, 'HL_CONSOLE_LISTEN_FAILED'),
    );
    const stream = await fetch(`${url}/api/stream`);
    assert.equal(source.subscribers, 1);
    await server.stop();
    await server.stop();
    assert.equal(source.subscribers, 0);
    await stream.text().catch(() => undefined);
    await assert.rejects(fetch(`${url}/healthz`));
  });
});
