import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { askStatus } from '../../../src/agent/reporting/ask-status.js';
import { isHeadlandError } from '../../../src/base/errors.js';
import { validateConfig } from '../../../src/config/load.js';
import { topicPrefix } from '../../../src/telemetry/contract/messages.js';
import { commandTopic, responseTopic } from '../../../src/telemetry/contract/topics.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { listen } from '../../ports.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';

const at = (url: string) => validateConfig({ robot: { id: 'r1' }, mqtt: { url } });

/** A broker that acknowledges connection and subscription, and nothing after them. */
async function mutedBroker(t: TestContext): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const kind = bytes[0]! >> 4;
      if (kind === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      if (kind === 8) socket.write(Buffer.from([0x90, 3, bytes[2]!, bytes[3]!, 1]));
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${port}`;
}

test('the status is found among anything else that is published on its topic', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { url } = await Mosquitto.start(t);
  const other = await connectAsync(url);
  t.after(() => other.endAsync(true));
  await other.subscribeAsync(topicPrefix('r1') + commandTopic('status'));
  other.on('message', (_topic, payload) => {
    const { transaction } = JSON.parse(payload.toString());
    const answer = JSON.stringify({ transaction, data: { state: 'online' } });
    for (const text of ['no JSON', 'null', '7', '{"transaction":1}', answer]) {
      other.publish(topicPrefix('r1') + responseTopic('status'), text);
    }
  });
  assert.deepEqual(await askStatus(at(url), {}), { state: 'online' });
});

test('a broker that acknowledges no command is no answer', { timeout: TEST_HANG_MS }, async (t) => {
  const url = await mutedBroker(t);
  await assert.rejects(askStatus(at(url), {}), (error) =>
    isHeadlandError(error, 'HL_STATUS_NO_ANSWER'),
  );
});
