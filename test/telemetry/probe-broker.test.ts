import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { probeBroker } from '../../src/telemetry/connection/probe-broker.js';
import { TEST_HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';

/** A broker that lets anybody log in, and closes the connection of whoever subscribes: AWS IoT does that. */
async function closingBroker(t: TestContext): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const kind = bytes[0]! >> 4;
      if (kind === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      if (kind === 8) socket.destroy();
    });
  });
  const port = await listen(server);
  t.after(() => server.close());
  return `mqtt://127.0.0.1:${port}`;
}

test('a broker that closes the connection at a subscription fails that step', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const access = { url: await closingBroker(t), credentials: {} };
  const settings = { protocol: '3.1.1', username: null, keepaliveSeconds: 30 } as const;
  const steps = await probeBroker({ access, settings, robotId: 'r1' });
  const [, , login, subscription] = steps;
  assert.deepEqual([login?.stage, login?.state], ['login', 'ok']);
  assert.deepEqual([subscription?.stage, subscription?.state], ['subscription', 'failed']);
  assert.equal(subscription?.error?.code, 'HL_BROKER_UNREACHABLE');
  assert.match(subscription.text, /^no answer to the subscription: /);
});
