import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAssets } from '../../src/console/server/assets.js';
import { TEST_HANG_MS } from '../liveness.js';
import { ask, DECISION, open, raw, rawGet, WRITE } from './client.js';
import { createHead } from './field-source.js';

describe('the API', { timeout: TEST_HANG_MS }, () => {
  it('sends its security headers with every response, including refusals', async (t) => {
    const { url } = await open(t);
    const answers = ['/api/status', '/nothing', '/api/samples/none/picture'];
    for (const path of [...loadAssets().keys(), ...answers]) {
      const { headers } = await ask(url + path);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src/);
      assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|\*|https?:/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  it('serves the page and no other file', async (t) => {
    const { url } = await open(t);
    const assets = loadAssets();
    for (const [path, { type, bytes, cacheControl }] of assets) {
      const answer = await ask(url + path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers['content-type'], type);
      assert.equal(answer.headers['cache-control'], cacheControl);
      assert.deepEqual(answer.bytes, Buffer.from(bytes));
    }
    const [, file] = [...assets.keys()];
    const elsewhere = ['/index.html', '/../package.json', '/%2e%2e/package.json', `/${file}`];
    for (const path of [...elsewhere, '/licences.md', '/assets/', `${file}/`, '/api']) {
      const response = await rawGet(url, path);
      assert.match(response, /^HTTP\/1\.1 404 /, path);
    }
  });

  it('returns the status and the newest frame with its picture, or that there is none', async (t) => {
    const { url, source } = await open(t);
    assert.deepEqual((await ask(`${url}/api/latest`)).json, { frame: null });
    assert.equal((await ask(`${url}/api/frame.jpg`)).status, 204);
    const frameId = await source.advance(DECISION);
    const status = await ask(`${url}/api/status`);
    assert.equal(status.json.robot, 'robot-7');
    assert.equal(typeof status.json.nowMs, 'number');
    const { frame } = (await ask(`${url}/api/latest?camera=main`)).json as {
      frame: { frameId: string; decision: unknown; picture?: unknown };
    };
    assert.equal(frame.frameId, frameId);
    assert.deepEqual(frame.decision, DECISION);
    assert.equal(frame.picture, undefined);
    const picture = await ask(`${url}/api/frame.jpg?camera=main`);
    assert.equal(picture.headers['content-type'], 'image/jpeg');
    assert.deepEqual(picture.bytes, Buffer.from(source.latest()!.picture.bytes));
    const carried = JSON.parse(decodeURIComponent(String(picture.headers['x-headland-frame'])));
    assert.deepEqual(carried, frame);
    assert.equal((await ask(`${url}/api/frame.jpg?camera=other`)).status, 404);
  });

  it('labels a frame and a sample, and passes errors on', async (t) => {
    const { url, source } = await open(t);
    const frameId = await source.advance(null);
    const label = (body: unknown) => ask(`${url}/api/label`, 'POST', WRITE, JSON.stringify(body));
    const { status, json } = await label({ frameId, label: '  Ackerkratzdistel ' });
    assert.equal(status, 200);
    assert.equal(source.samples.get((json.sampleIds as string[])[0]!)?.label, 'Ackerkratzdistel');
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

  it('refuses bodies that do not match the route exactly', async (t) => {
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
      ['/api/label', { frameId, label: 7 }],
      ['/api/label', { frameId, label: 'maize', source: 'import' }],
      ['/api/label', { frameId, sampleId: 'x', label: 'maize' }],
      ['/api/retrain', { now: true }],
      ['/api/rollback', { version: 0 }],
      ['/api/rollback', { version: '1' }],
      ['/api/rollback', { version: 1.5 }],
      ['/api/promote', {}],
      ['/api/pause', { what: 'everything' }],
      ['/api/resume', {}],
      ['/api/release', { holder: '' }],
      ['/api/snapshot', { camera: 7 }],
    ];
    for (const [path, body] of bodies) {
      const answer = await ask(url + path, 'POST', WRITE, JSON.stringify(body));
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.json.error?.code, 'HL_CONSOLE_BODY_INVALID');
    }
    const typed = JSON.stringify({ frameId, label: 'x'.repeat(65) });
    const { error } = (await ask(`${url}/api/label`, 'POST', WRITE, typed)).json;
    assert.equal(error?.message, 'label: a label must have at most 64 characters');
    assert.equal(error.remedy, 'Choose another label.');
    const reserved = JSON.stringify({ frameId, label: 'Unknown' });
    const refused = await ask(`${url}/api/label`, 'POST', WRITE, reserved);
    assert.deepEqual([refused.status, refused.json.error?.code], [422, 'HL_LABEL_INVALID']);
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

  it('writes the message of an unexpected error to the log only', async (t) => {
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

describe('limits', { timeout: TEST_HANG_MS }, () => {
  it('accepts a body of 64 KiB and refuses one byte more, with or without a Content-Length', async (t) => {
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

  it('ends requests whose headers or body are too slow or too large', async (t) => {
    const { url } = await open(t, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
    assert.match(await raw(url, 'GET /api/status HTTP/1.1\r\nHost: 127'), /^HTTP\/1\.1 408 /);
    const half = `POST /api/retrain HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Headland: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`;
    assert.match(await raw(url, half), /^HTTP\/1\.1 408 /);
    const wide = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Wide: ${'x'.repeat(20_000)}\r\n\r\n`;
    assert.match(await raw(url, wide), /^HTTP\/1\.1 431 /);
    assert.equal((await ask(`${url}/healthz`)).status, 200);
  });
});
