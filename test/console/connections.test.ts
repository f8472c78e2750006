import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { lanAddresses } from '../../src/agent/access/lan-addresses.js';
import { TEST_HANG_MS } from '../liveness.js';
import { until } from '../telemetry/tools.js';
import { ask, open, TOKEN, WRITE } from './client.js';

const HALF = 'GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\n';
const DRIPPING_BODY =
  'POST /api/retrain HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Headland: 1\r\n' +
  'Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{';

/** A connection that has sent so much, and sends no more. */
async function dripping(t: TestContext, url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

describe('connections', { timeout: TEST_HANG_MS }, () => {
  for (const [what, text] of [
    ['nothing', ''],
    ['half of the headers', HALF],
    ['half of a body', DRIPPING_BODY],
  ] as const) {
    it(`that send ${what} make room for one that asks`, async (t) => {
      const { url } = await open(t);
      const sockets: Socket[] = [];
      for (let index = 0; index < 80; index += 1) sockets.push(await dripping(t, url, text));
      assert.equal((await ask(`${url}/api/status`)).status, 200);
      await until('the oldest is closed', () => sockets[0]!.closed);
      assert.equal(sockets[79]!.closed, false);
    });
  }

  it('that are served stay', async (t) => {
    const { url, source } = await open(t, { limits: { maxConnections: 4 } });
    const stream = await fetch(`${url}/api/stream`);
    t.after(() => stream.body?.cancel());
    for (let index = 0; index < 20; index += 1) await dripping(t, url, HALF);
    assert.equal((await ask(`${url}/api/status`)).status, 200);
    assert.equal(source.subscribers, 1);
  });

  it('of strangers to the token make room, however far their request has come', async (t) => {
    const { url } = await open(t, { token: TOKEN, limits: { maxConnections: 4 } });
    for (let index = 0; index < 20; index += 1) await dripping(t, url, DRIPPING_BODY);
    const authorization = `Bearer ${TOKEN}`;
    const asked = await ask(`${url}/api/retrain`, 'POST', { ...WRITE, authorization }, '{}');
    assert.equal(asked.status, 202);
  });

  const [lan] = lanAddresses().filter((address) => !address.includes(':'));
  it('of one remote address close one another, and none of others', {
    skip: lan === undefined && 'this machine has no address but loopback',
  }, async (t) => {
    const { url } = await open(t, {
      host: '0.0.0.0',
      token: TOKEN,
      limits: { maxConnectionsPerClient: 3 },
    });
    const local = await dripping(t, url, HALF);
    const remote = `http://${lan}:${new URL(url).port}`;
    const sockets: Socket[] = [];
    for (let index = 0; index < 6; index += 1) sockets.push(await dripping(t, remote, HALF));
    await until('the oldest of them are closed', () => sockets[2]!.closed);
    assert.deepEqual(
      sockets.map(({ closed }) => closed),
      [true, true, true, false, false, false],
    );
    assert.equal(local.closed, false);
  });
});
