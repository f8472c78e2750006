import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type ConsoleOptions, ConsoleServer } from '../../src/console/server.js';
import { isHeadlandError } from '../../src/errors.js';
import { silentLog } from '../../src/log.js';
import { createFieldSource, createHead, type FieldSource } from './field-source.js';

const TOKEN = 'a-token-of-the-field-robot';
const DECISION = {
  label: 'maize',
  probability: 0.91,
  top: [{ label: 'maize', probability: 0.91 }],
  headVersion: 1,
  totalMs: 12,
};

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  json: { error?: { code: string; message: string; remedy: string } } & Record<string, unknown>;
}

/** node:http instead of fetch, because fetch does not let Host and Origin be wrong. */
function ask(
  url: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const isJson = response.headers['content-type']?.startsWith('application/json');
        const json = isJson ? JSON.parse(bytes.toString()) : {};
        resolve({ status: response.statusCode!, headers: response.headers, bytes, json });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const WRITE = { 'content-type': 'application/json', 'x-headland': '1' };

async function open(
  t: TestContext,
  options: Partial<ConsoleOptions> = {},
): Promise<{ url: string; source: FieldSource; server: ConsoleServer }> {
  const source = createFieldSource();
  const log = silentLog();
  const server = new ConsoleServer({
    ...{ host: '127.0.0.1', port: 0, token: null, source, log },
    ...options,
  });
  const { url } = await server.start();
  t.after(() => server.stop());
  return { url: url.slice(0, -1), source, server };
}

describe('every route refuses', { timeout: 60_000 }, () => {
  let server: ConsoleServer;
  let url: string;
  const source = createFieldSource();
  const auth = { authorization: `Bearer ${TOKEN}` };

  before(async () => {
    server = new ConsoleServer({
      ...{ host: '127.0.0.1', port: 0, token: TOKEN, source, log: silentLog() },
    });
    url = (await server.start()).url.slice(0, -1);
    await source.advance(DECISION);
    await source.ask(null);
    source.versions = [createHead(1, 0.9, ['a', 'b'])];
  });
  after(() => server.stop());

  const open = ['/', '/app.js', '/style.css', '/healthz'];
  const reads = [
    ...['/readyz', '/api/status', '/api/latest', '/api/frame.jpg', '/api/stream'],
    ...['/api/waiting', '/api/samples/SAMPLE/picture', '/api/reports', '/api/heads'],
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

describe('the API', { timeout: 60_000 }, () => {
  it('sends its security headers with every answer, refusals too', async (t) => {
    const { url } = await open(t);
    for (const path of ['/', '/app.js', '/api/status', '/nothing', '/api/samples/none/picture']) {
      const { headers } = await ask(url + path);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src/);
      assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|\*|https?:/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  it('serves the page and nothing else of the disk', async (t) => {
    const { url } = await open(t);
    const page = await ask(`${url}/`);
    assert.equal(page.status, 200);
    assert.match(page.bytes.toString(), /<!doctype html>/i);
    assert.match(String((await ask(`${url}/app.js`)).headers['content-type']), /javascript/);
    const elsewhere = ['/index.html', '/../package.json', '/%2e%2e/package.json', '//app.js'];
    for (const path of [...elsewhere, '/server.ts', '/style.css/', '/api']) {
      const response = await rawGet(url, path);
      assert.match(response, /^HTTP\/1\.1 404 /, path);
    }
  });

  it('tells the status, the newest frame with its picture, and says when there is none', async (t) => {
    const { url, source } = await open(t);
    assert.deepEqual((await ask(`${url}/api/latest`)).json, { frame: null });
    assert.equal((await ask(`${url}/api/frame.jpg`)).status, 204);
    const frameId = await source.advance(DECISION);
    const status = await ask(`${url}/api/status`);
    assert.equal(status.json.robot, 'robot-7');
    assert.equal(typeof status.json.nowMs, 'number');
    const { frame } = (await ask(`${url}/api/latest?camera=main`)).json as {
      frame: { frameId: string; decision: unknown; jpeg?: unknown };
    };
    assert.equal(frame.frameId, frameId);
    assert.deepEqual(frame.decision, DECISION);
    assert.equal(frame.jpeg, undefined);
    const picture = await ask(`${url}/api/frame.jpg?camera=main`);
    assert.equal(picture.headers['content-type'], 'image/jpeg');
    assert.deepEqual(picture.bytes, Buffer.from(source.latest()!.jpeg));
    const carried = JSON.parse(decodeURIComponent(String(picture.headers['x-headland-frame'])));
    assert.deepEqual(carried, frame);
    assert.equal((await ask(`${url}/api/frame.jpg?camera=other`)).status, 404);
  });

  it('labels a frame and a sample, and passes on why it could not', async (t) => {
    const { url, source } = await open(t);
    const frameId = await source.advance(null);
    const label = (body: unknown) => ask(`${url}/api/label`, 'POST', WRITE, JSON.stringify(body));
    const { status, json } = await label({ frameId, label: '  Ackerkratzdistel ' });
    assert.equal(status, 200);
    assert.equal(source.samples.get(String(json.sampleId))?.label, 'Ackerkratzdistel');
    const waiting = await source.ask({ label: 'maize', probability: 0.4 });
    const listed = (await ask(`${url}/api/waiting`)).json.samples as { id: string }[];
    assert.deepEqual(
      listed.map(({ id }) => id),
      [waiting],
    );
    assert.equal((await ask(`${url}/api/samples/${waiting}/picture`)).status, 200);
    assert.equal((await label({ sampleId: waiting, label: 'Möhre' })).status, 200);
    assert.equal(source.samples.get(waiting)?.label, 'Möhre');
    assert.deepEqual((await ask(`${url}/api/waiting`)).json, { samples: [] });

    const gone = await label({ frameId: 'main-999', label: 'maize' });
    assert.equal(gone.status, 404);
    assert.equal(gone.json.error?.code, 'HL_FRAME_GONE');
    assert.equal((await ask(`${url}/api/samples/none/picture`)).status, 404);
  });

  it('refuses bodies that are not exactly what a route takes', async (t) => {
    const { url, source } = await open(t);
    const frameId = await source.advance(null);
    const bodies: [string, unknown][] = [
      ['/api/label', {}],
      ['/api/label', []],
      ['/api/label', null],
      ['/api/label', { frameId, label: '' }],
      ['/api/label', { frameId, label: '   ' }],
      ['/api/label', { frameId, label: 'x'.repeat(65) }],
      ['/api/label', { frameId, label: 'a\u0000b' }],
      ['/api/label', { frameId, label: 'Unknown' }],
      ['/api/label', { frameId, label: 7 }],
      ['/api/label', { frameId, label: 'maize', source: 'import' }],
      ['/api/label', { frameId, sampleId: 'x', label: 'maize' }],
      ['/api/retrain', { now: true }],
      ['/api/rollback', { version: 0 }],
      ['/api/rollback', { version: '1' }],
      ['/api/rollback', { version: 1.5 }],
    ];
    for (const [path, body] of bodies) {
      const answer = await ask(url + path, 'POST', WRITE, JSON.stringify(body));
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.json.error?.code, 'HL_CONSOLE_BODY_INVALID');
    }
    const typed = JSON.stringify({ frameId, label: 'unknown' });
    const { error } = (await ask(`${url}/api/label`, 'POST', WRITE, typed)).json;
    assert.equal(error?.message, 'label: "unknown" is not a label');
    assert.equal(error.remedy, 'Choose another label.');
    for (const text of ['', '{', 'null x', `{"frameId":"${frameId}","label":"a","__proto__":1}`]) {
      assert.equal((await ask(`${url}/api/label`, 'POST', WRITE, text)).status, 400, text);
    }
    for (const limit of ['0', '101', '-1', 'x', '1e1', '']) {
      assert.equal((await ask(`${url}/api/reports?limit=${limit}`)).status, 400, limit);
    }
    assert.equal(source.samples.size, 0);
  });

  it('starts a training once and rolls back', async (t) => {
    const { url, source } = await open(t);
    const started = await ask(`${url}/api/retrain`, 'POST', WRITE, '{}');
    assert.equal(started.status, 202);
    assert.equal(typeof started.json.trainingId, 'string');
    const again = await ask(`${url}/api/retrain`, 'POST', WRITE, '{}');
    assert.equal(again.status, 409);
    assert.equal(again.json.error?.code, 'HL_TRAINING_RUNNING');

    const heads = [createHead(2, 0.9, ['a', 'b']), createHead(1, 0.8, ['a', 'b'])];
    source.versions = heads.map((head) => ({ ...head, serving: head.version === 2 }));
    const back = await ask(`${url}/api/rollback`, 'POST', WRITE, '{"version":1}');
    assert.deepEqual(back.json, { version: 1 });
    const listed = (await ask(`${url}/api/heads`)).json.heads as { serving: boolean }[];
    assert.deepEqual(
      listed.map(({ serving }) => serving),
      [false, true],
    );
    const none = await ask(`${url}/api/rollback`, 'POST', WRITE, '{"version":9}');
    assert.equal(none.status, 404);
  });

  it('keeps the message of an error that is not ours to the log', async (t) => {
    const { url, source } = await open(t);
    source.heads = () => {
      throw new Error('secret of the disk: /home/someone');
    };
    const { status, json, bytes } = await ask(`${url}/api/heads`);
    assert.equal(status, 500);
    assert.equal(json.error?.code, 'HL_INTERNAL');
    assert.doesNotMatch(bytes.toString(), /secret/);
    assert.equal((await ask(`${url}/api/status`)).status, 200);
  });

  it('is alive before it is ready', async (t) => {
    const { url, source } = await open(t);
    source.facts = { backbone: null };
    assert.deepEqual((await ask(`${url}/healthz`)).json, { alive: true, tokenNeeded: false });
    const notYet = await ask(`${url}/readyz`);
    assert.equal(notYet.status, 503);
    assert.deepEqual(notYet.json, { ready: false, camera: true, backbone: false });
    source.facts = {};
    assert.equal((await ask(`${url}/readyz`)).status, 200);
    source.facts = { cameras: [{ ...source.status().cameras[0]!, phase: 'waiting' }] };
    assert.equal((await ask(`${url}/readyz`)).status, 503);
  });
});

describe('limits', { timeout: 60_000 }, () => {
  it('takes a body of 64 KiB and refuses one byte more, announced or not', async (t) => {
    const { url, source } = await open(t);
    const frameId = await source.advance(null);
    const padded = (size: number) => {
      const body = JSON.stringify({ frameId, label: 'maize' });
      return body + ' '.repeat(size - body.length);
    };
    const just = await ask(`${url}/api/label`, 'POST', WRITE, padded(65_536));
    assert.equal(just.status, 200);
    const more = await ask(`${url}/api/label`, 'POST', WRITE, padded(65_537));
    assert.equal(more.status, 413);
    assert.equal(more.json.error?.code, 'HL_CONSOLE_BODY_TOO_LARGE');
    const chunked = { ...WRITE, 'transfer-encoding': 'chunked' };
    const hidden = await ask(`${url}/api/label`, 'POST', chunked, padded(65_537));
    assert.equal(hidden.status, 413);
    const announced = { ...WRITE, 'content-length': '900000000' };
    const head = Object.entries({ host: '127.0.0.1', ...announced }).map((pair) => pair.join(': '));
    const answer = await raw(url, `POST /api/label HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.equal(source.samples.size, 1);
  });

  it('ends requests whose headers or body come too slowly, or are too large', async (t) => {
    const { url } = await open(t, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
    assert.match(await raw(url, 'GET /api/status HTTP/1.1\r\nHost: 127'), /^HTTP\/1\.1 408 /);
    const half = `POST /api/retrain HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Headland: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`;
    assert.match(await raw(url, half), /^HTTP\/1\.1 408 /);
    const wide = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Wide: ${'x'.repeat(20_000)}\r\n\r\n`;
    assert.match(await raw(url, wide), /^HTTP\/1\.1 431 /);
    assert.equal((await ask(`${url}/healthz`)).status, 200);
  });
});

describe('who may reach it', { timeout: 60_000 }, () => {
  it('needs a token off loopback, and a long one', async () => {
    const common = { port: 0, source: createFieldSource(), log: silentLog() };
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
      ...{ host: '0.0.0.0', token: TOKEN, allowedHosts: ['Robot7.farm.example'] },
    });
    const status = async (host: string) =>
      (await ask(`${url}/api/status`, 'GET', { host, authorization: `Bearer ${TOKEN}` })).status;
    assert.equal(await status('192.168.4.1:8090'), 200);
    assert.equal(await status('[fe80::1]:8090'), 200);
    assert.equal(await status('robot7.farm.example'), 200);
    assert.equal(await status('robot8.farm.example'), 421);
    assert.equal(await status('192.168.4.1.evil.example'), 421);
  });

  it('refuses a request that names no host', async (t) => {
    const { url } = await open(t);
    const tail = 'Connection: close\r\n\r\n';
    assert.match(await raw(url, `GET /healthz HTTP/1.1\r\nHost: \r\n${tail}`), /^HTTP\/1\.1 421 /);
    assert.match(await raw(url, `GET /healthz HTTP/1.1\r\n${tail}`), /^HTTP\/1\.1 400 /);
    assert.match(await raw(url, `GET /healthz HTTP/1.0\r\n${tail}`), /^HTTP\/1\.1 421 /);
  });

  it('accepts its own page as origin, also behind a TLS proxy', async (t) => {
    const { url } = await open(t);
    for (const scheme of ['http', 'https']) {
      const origin = `${scheme}://${new URL(url).host}`;
      const answer = await ask(`${url}/api/retrain`, 'POST', { ...WRITE, origin }, '{}');
      assert.notEqual(answer.status, 403);
    }
  });

  it('says which port is taken, and stops at once with pages watching', async (t) => {
    const { url, source, server } = await open(t);
    const port = Number(new URL(url).port);
    const second = new ConsoleServer({
      ...{ host: '127.0.0.1', port, token: null, source, log: silentLog() },
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

/** Sends bytes as they are and gives back what came until the other side closed. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

function rawGet(url: string, path: string): Promise<string> {
  return raw(url, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
}
