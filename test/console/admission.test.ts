import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { deviceOf } from '../../src/console/server/device.js';
import { TEST_HANG_MS } from '../liveness.js';
import { until } from '../telemetry/tools.js';
import { ask, cookieOf, logIn, open, TOKEN, WRITE } from './client.js';
import { LISTENING, newAccess, offered } from './test-access.js';

const ANDROID =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';

describe('a session of the page', { timeout: TEST_HANG_MS }, () => {
  it('comes from a pairing, once, and admits the device', async (t) => {
    const access = newAccess();
    const { url } = await open(t, { token: TOKEN, access });
    const pairing = await offered(access);
    const answer = await logIn(`${url}/`, { pairing }, { 'user-agent': ANDROID });
    assert.equal(answer.status, 200);
    assert.deepEqual(Object.keys(answer.json), ['expiresAtMs']);
    assert.match(
      String(answer.headers['set-cookie']),
      /^headland_session_[0-9a-f]{8}=[\w-]{51}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=7776000$/,
    );
    const cookie = cookieOf(answer);
    assert.equal((await ask(`${url}/api/status`, 'GET', { cookie })).status, 200);
    const retrain = await ask(`${url}/api/retrain`, 'POST', { ...WRITE, cookie }, '{}');
    assert.equal(retrain.status, 202);
    const again = await logIn(`${url}/`, { pairing });
    assert.deepEqual([again.status, again.json.error?.code], [401, 'HL_CONSOLE_PAIRING_USED']);
    const { sessions } = (await ask(`${url}/api/sessions`, 'GET', { cookie })).json as {
      sessions: { device: string; own: boolean }[];
    };
    assert.deepEqual(
      sessions.map(({ device, own }) => [device, own]),
      [['Chrome on Android', true]],
    );
  });

  it('comes from the token, too; a device that logs in again keeps one session', async (t) => {
    const access = newAccess();
    const { url } = await open(t, { token: TOKEN, access });
    const wrong = await logIn(`${url}/`, { token: `${TOKEN}x` });
    assert.deepEqual([wrong.status, wrong.json.error?.code], [401, 'HL_CONSOLE_TOKEN_REFUSED']);
    assert.equal(wrong.headers['set-cookie'], undefined);
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const second = cookieOf(await logIn(`${url}/`, { token: TOKEN }, { cookie }));
    assert.equal(access.sessions().length, 1);
    assert.equal((await ask(`${url}/api/status`, 'GET', { cookie: second })).status, 200);
    const old = await ask(`${url}/api/status`, 'GET', { cookie });
    assert.deepEqual([old.status, old.json.error?.code], [401, 'HL_CONSOLE_SESSION_ENDED']);
  });

  it('ends when the device logs out, or another one revokes it', async (t) => {
    const { url } = await open(t, { token: TOKEN });
    const phone = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const tablet = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const send = (method: string, path: string, cookie: string) =>
      ask(url + path, method, { ...WRITE, cookie });
    const { sessions } = (await send('GET', '/api/sessions', phone)).json as {
      sessions: { id: string; own: boolean }[];
    };
    const other = sessions.find(({ own }) => !own)!;
    assert.equal((await send('DELETE', `/api/sessions/${other.id}`, phone)).status, 200);
    assert.equal((await send('GET', '/api/status', tablet)).status, 401);
    assert.equal((await send('DELETE', `/api/sessions/${other.id}`, phone)).status, 404);
    const out = await send('DELETE', '/api/session', phone);
    assert.equal(out.status, 200);
    assert.match(String(out.headers['set-cookie']), /Max-Age=0$/);
    assert.equal((await send('GET', '/api/status', phone)).status, 401);
  });

  it('that is revoked loses its open stream', async (t) => {
    const access = newAccess();
    const { url, source } = await open(t, { token: TOKEN, access });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const stream = await fetch(`${url}/api/stream`, { headers: { cookie } });
    const ended = stream.text().catch(() => undefined);
    assert.equal(source.subscribers, 1);
    await access.revokeAll({ source: 'cli' });
    await ended;
    await until('nobody follows', () => source.subscribers === 0);
  });

  it('of another site is neither begun nor used', async (t) => {
    const access = newAccess();
    const { url } = await open(t, { token: TOKEN, access });
    const origin = 'http://evil.example';
    const pairing = await offered(access);
    assert.equal((await logIn(`${url}/`, { pairing }, { origin })).status, 403);
    const cookie = cookieOf(await logIn(`${url}/`, { pairing }));
    const forged = await ask(`${url}/api/retrain`, 'POST', { cookie }, '{}');
    assert.equal(forged.json.error?.code, 'HL_CONSOLE_HEADER_MISSING');
    const site = { 'sec-fetch-site': 'same-site', cookie };
    assert.equal((await ask(`${url}/api/status`, 'GET', site)).status, 403);
  });

  it('has a cookie for encrypted connections where the browser uses one', async (t) => {
    const { url } = await open(t, { token: TOKEN });
    const origin = `https://${new URL(url).host}`;
    const proxied = await logIn(`${url}/`, { token: TOKEN }, { origin });
    assert.match(String(proxied.headers['set-cookie']), /; Secure$/);
  });

  it('is told of another robot on the same host by the name of its cookie', async (t) => {
    const [one, other] = [newAccess(), newAccess()];
    assert.notEqual(one.cookieName, other.cookieName);
    const { url } = await open(t, { token: TOKEN, access: one });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const both = `${other.cookieName}=${'A'.repeat(51)}; ${cookie}`;
    assert.equal((await ask(`${url}/api/status`, 'GET', { cookie: both })).status, 200);
  });

  it('begins with links of the page for another device', async (t) => {
    const access = newAccess();
    const { url } = await open(t, { token: TOKEN, access });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const offer = await ask(`${url}/api/pairing`, 'POST', { ...WRITE, cookie }, '{}');
    const [link] = offer.json.links as string[];
    assert.match(link!, /^http:\/\/192\.168\.4\.1:8090\/#pair=[\w-]{30}$/);
    const pairing = new URL(link!).hash.replace('#pair=', '');
    assert.equal((await logIn(`${url}/`, { pairing })).status, 200);
    const closed = newAccess({ listening: { ...LISTENING, host: '127.0.0.1' } });
    const local = await open(t, { access: closed });
    const refused = await ask(`${local.url}/api/pairing`, 'POST', WRITE, '{}');
    assert.equal(refused.json.error?.code, 'HL_PAIR_LOOPBACK');
  });
});

describe('guessing', { timeout: TEST_HANG_MS }, () => {
  it('is bounded, and a flood shuts out neither a paired device nor a right pairing', async (t) => {
    const access = newAccess();
    const { url } = await open(t, { token: TOKEN, access });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    const authorization = 'Bearer wrong-wrong-wrong-wrong';
    const statuses: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      const { status, headers } = await ask(`${url}/api/status`, 'GET', { authorization });
      statuses.push(status);
      if (status === 429) assert.match(String(headers['retry-after']), /^[1-9]\d*$/);
    }
    assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
    const right = { authorization: `Bearer ${TOKEN}` };
    assert.equal((await ask(`${url}/api/status`, 'GET', right)).status, 429, 'not even compared');
    assert.equal((await logIn(`${url}/`, { pairing: 'A'.repeat(30) })).status, 429);
    assert.equal((await ask(`${url}/api/status`, 'GET', { cookie })).status, 200);
    assert.equal((await logIn(`${url}/`, { pairing: await offered(access) })).status, 200);
  });

  it('an old cookie is no guess', async (t) => {
    const { url } = await open(t, { token: TOKEN });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    await ask(`${url}/api/session`, 'DELETE', { ...WRITE, cookie });
    for (let index = 0; index < 40; index += 1) {
      assert.equal((await ask(`${url}/api/status`, 'GET', { cookie })).status, 401);
    }
  });

  it('requests of a client are bounded, and a paired device has a bound of its own', async (t) => {
    const { url } = await open(t, {
      token: TOKEN,
      limits: { requests: { burst: 10, perSecond: 0.01 } },
    });
    const cookie = cookieOf(await logIn(`${url}/`, { token: TOKEN }));
    let last = 0;
    for (let index = 0; index < 12; index += 1) last = (await ask(`${url}/healthz`)).status;
    assert.equal(last, 429);
    assert.equal((await ask(`${url}/api/status`, 'GET', { cookie })).status, 200);
  });
});

it('no secret of a session is logged, and a flood of refusals only in part', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const access = newAccess();
  const { url } = await open(t, { token: TOKEN, access, log });
  const pairing = await offered(access);
  const cookie = cookieOf(await logIn(`${url}/`, { pairing }));
  await logIn(`${url}/`, { token: TOKEN }, { cookie });
  for (let index = 0; index < 200; index += 1) await ask(`${url}/api/status`);
  const text = lines.join('');
  for (const secret of [pairing, cookie.split('=')[1]!, TOKEN]) assert.ok(!text.includes(secret));
  const refusals = lines.filter((line) => line.includes('console: refused'));
  assert.ok(refusals.length >= 1 && refusals.length < 150, `${refusals.length} lines`);
});

it('a device is named in words', () => {
  assert.equal(deviceOf(ANDROID), 'Chrome on Android');
  assert.equal(deviceOf(IPHONE), 'Safari on iPhone');
  assert.equal(
    deviceOf('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'),
    'Firefox on Linux',
  );
  assert.equal(deviceOf('curl/8.5.0'), 'curl');
  assert.equal(deviceOf(undefined), 'unknown device');
  assert.equal(deviceOf('\u0000\u001b[31m'), '[31m');
});
