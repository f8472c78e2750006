import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connectInVersion } from '../../src/telemetry/connection/connect-once.js';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';
import { freePort, listen } from '../ports.js';
import { connack } from './byte-broker.js';

const CHANNEL = 'net.client.socket';
/** CONNACK of MQTT 3.1.1. */
const oldConnack = (code: number) => Buffer.from([0x20, 2, 0, code]);

/** A broker that answers each CONNECT by its version, and counts the connections of this process. */
async function broker(t: TestContext, answer: (socket: Socket, version: number) => void) {
  const versions: number[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (packet) => {
      const version = packet[packet.indexOf('MQTT') + 4]!;
      versions.push(version);
      answer(socket, version);
    });
    t.after(() => socket.destroy());
  });
  const url = `mqtt://127.0.0.1:${await listen(server)}`;
  t.after(() => server.close());
  return { url, versions };
}

const REFUSALS: Record<string, (socket: Socket) => void> = {
  'CONNACK 0x01': (socket) => socket.end(oldConnack(0x01)),
  'CONNACK 0x84': (socket) => socket.end(connack(0x84)),
  'the end of the connection': (socket) => socket.end(),
  'a reset of the connection': (socket) => socket.resetAndDestroy(),
};
for (const [how, refuse] of Object.entries(REFUSALS)) {
  test(`a broker that refuses MQTT 5 with ${how} is asked in 3.1.1`, {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { url, versions } = await broker(t, (socket, version) => {
      if (version === 5) refuse(socket);
      else socket.write(oldConnack(0));
    });
    const client = await connectInVersion(url, {}, 'auto', HANG_MS);
    t.after(() => client.end(true));
    assert.deepEqual(versions, [5, 4]);
    assert.equal(client.options.protocolVersion, 4);
  });
}

test('a broker that refuses the login is not asked again in another version', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { url, versions } = await broker(t, (socket) => socket.end(connack(0x87)));
  await assert.rejects(connectInVersion(url, {}, 'auto', HANG_MS));
  assert.deepEqual(versions, [5]);
});

test('a broker that does not answer is waited for once', { timeout: TEST_HANG_MS }, async (t) => {
  const { url, versions } = await broker(t, () => {});
  await assert.rejects(connectInVersion(url, {}, 'auto', 500), /no answer|timeout/);
  assert.deepEqual(versions, [5]);
});

test('a port where nobody listens is tried once', { timeout: TEST_HANG_MS }, async (t) => {
  let sockets = 0;
  const count = (): void => {
    sockets += 1;
  };
  subscribe(CHANNEL, count);
  t.after(() => unsubscribe(CHANNEL, count));
  const url = `mqtt://127.0.0.1:${await freePort()}`;
  await assert.rejects(connectInVersion(url, {}, 'auto', HANG_MS), { code: 'ECONNREFUSED' });
  assert.equal(sockets, 1);
});
