import assert from 'node:assert/strict';
import { connect as tcpConnect } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { connectAsync } from 'mqtt';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { startEmbeddedBroker } from '../../src/telemetry/broker/embedded-broker.js';
import { PacketGuard } from '../../src/telemetry/broker/packet-guard.js';
import { TEST_HANG_MS } from '../liveness.js';
import { allKinds, event, Observer, robot, TcpProxy, until } from './tools.js';

describe('embedded broker', { timeout: TEST_HANG_MS }, () => {
  const options = { port: 0, maxConnections: 4, log: silentLog() };

  test('says which port is taken and what to do', async (t) => {
    const broker = await startEmbeddedBroker(options);
    t.after(() => broker.close());
    assert.equal(broker.url, `mqtt://127.0.0.1:${broker.port}`);
    await assert.rejects(startEmbeddedBroker({ ...options, port: broker.port }), (error) => {
      assert.ok(isHeadlandError(error, 'HL_BROKER_PORT_IN_USE'));
      assert.match(error.message, new RegExp(String(broker.port)));
      assert.match(error.remedy, /mqtt\.url/);
      return true;
    });
  });

  test('listens on one address of this machine only, that of loopback', async (t) => {
    const broker = await startEmbeddedBroker(options);
    t.after(() => broker.close());
    const outcome = (host: string) =>
      new Promise((resolve) => {
        const socket = tcpConnect(broker.port, host);
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        socket.once('connect', () => {
          socket.destroy();
          resolve('connected');
        });
      });
    assert.equal(await outcome('127.0.0.1'), 'connected');
    // Whoever listens on every address is reached by this one too.
    assert.equal(await outcome('127.0.0.2'), 'ECONNREFUSED');
  });

  test('takes no more clients than allowed, and goes on serving those', async (t) => {
    const broker = await startEmbeddedBroker({ ...options, maxConnections: 1 });
    t.after(() => broker.close());
    const observer = await Observer.connect(t, broker.url, 4);
    const surplus = tcpConnect(broker.port, '127.0.0.1');
    surplus.on('error', () => {});
    await new Promise((resolve) => surplus.once('close', resolve));
    await observer.client.publishAsync('headland/r1/x', '1', { qos: 1 });
    await observer.next('headland/r1/x');
  });

  test('an oversized packet ends its connection only', async (t) => {
    const broker = await startEmbeddedBroker({ ...options, packetMaxBytes: 10_000 });
    t.after(() => broker.close());
    const observer = await Observer.connect(t, broker.url, 4);
    const sender = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
    sender.on('error', () => {});
    const closed = new Promise<void>((resolve) => sender.once('close', () => resolve()));
    sender.publish('headland/r1/big', Buffer.alloc(20_000));
    await closed;
    await observer.client.publishAsync('headland/r1/x', Buffer.alloc(9_000), { qos: 1 });
    await observer.next('headland/r1/x');
    assert.equal(observer.on('headland/r1/big').length, 0);
  });

  test('a message that kills every connection does not hold up the others', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await startEmbeddedBroker({ ...options, packetMaxBytes: 1_500 });
    t.after(() => broker.close());
    const observer = await Observer.connect(t, broker.url, 4);
    const { client } = robot(t, broker.url, { settings: { backoffMaxMs: 1_000 } });
    for (let i = 0; i < 5; i++) client.event(event(i));
    client.event(event(5, 'x'.repeat(2_000)));
    for (let i = 6; i < 10; i++) client.event(event(i));
    client.start();
    await observer.next('headland/r1/event', ({ json }) => json.details.index === 9);
    await until('only that one is left', () => client.stats().outbox.messages === 1);
    const first = [...new Set(observer.on('headland/r1/event').map((m) => m.json.details.index))];
    assert.deepEqual(first, [0, 1, 2, 3, 4, 6, 7, 8, 9]);
  });

  for (const protocol of ['5', '3.1.1'] as const) {
    test(`speaks MQTT ${protocol}: everything arrives, commands, the last will`, {
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const broker = await startEmbeddedBroker({ ...options, maxConnections: 8 });
      t.after(() => broker.close());
      const version = protocol === '5' ? 5 : 4;
      const observer = await Observer.connect(t, broker.url, version);
      const proxy = await TcpProxy.start(t, broker.port);
      const { client } = robot(t, proxy.url, { settings: { protocol } });
      client.onCommand(async () => ({ done: true }));
      client.start();
      await observer.next('headland/r1/status', ({ json }) => json.state === 'online');
      assert.equal(client.broker.protocol, protocol);
      for (const send of Object.values(allKinds(client))) send();
      for (const topic of ['event', 'metrics', 'task/main/prediction', 'camera/quality']) {
        await observer.next(`headland/r1/${topic.replace('task/main/', '')}`);
      }
      await observer.client.publishAsync('headland/r1/cmd/ping', '{}', { qos: 1 });
      await observer.next('headland/r1/cmd/ping/response');
      await until('an empty outbox', () => client.stats().outbox.messages === 0);
      proxy.cut();
      const will = await observer.next(
        'headland/r1/status',
        ({ json }) => json.state === 'offline',
      );
      assert.equal(will.json.reason, 'connection_lost');
    });
  }

  test('MQTT 5: tells a client that another one has taken its id, and its packet size', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await startEmbeddedBroker({ ...options, packetMaxBytes: 70_000 });
    t.after(() => broker.close());
    const one = robot(t, broker.url);
    one.client.start();
    await until('connected', () => one.client.connected);
    assert.deepEqual(
      one.client.broker.missing.map(({ name }) => name),
      ['shared_subscriptions'],
    );
    const other = await connectAsync(broker.url, { protocolVersion: 5, clientId: 'headland-r1' });
    t.after(() => other.end(true));
    assert.equal(other.serverProperties?.maximumPacketSize, 70_000);
    const alarm = await until('the alarm', () =>
      one.alarms.list().find(({ name }) => name === 'mqtt-client-id'),
    );
    assert.match(alarm.error.message, /takes over this robot/);
  });

  test('closes with clients connected', async () => {
    const broker = await startEmbeddedBroker(options);
    const client = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    await broker.close();
    await closed;
  });
});

/** PUBLISH with QoS 0 on topic "t", by the letter of the standard. */
function publishPacket(payloadBytes: number): Buffer {
  const header = [0x30];
  let left = payloadBytes + 3;
  do {
    header.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([...header, 0, 1, 0x74]), Buffer.alloc(payloadBytes, 0xff)]);
}

describe('packet guard', () => {
  const run = (chunks: Buffer[], maxBytes: number) =>
    new Promise<Buffer>((resolve, reject) => {
      const guard = new PacketGuard(maxBytes);
      const out: Buffer[] = [];
      guard.on('data', (chunk) => out.push(chunk));
      guard.on('error', reject);
      guard.on('end', () => resolve(Buffer.concat(out)));
      for (const chunk of chunks) guard.write(chunk);
      guard.end();
    });

  test('passes small packets untouched, however they are cut; stops at a large one', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5_000 }), async (payloads, cut) => {
        const packets = payloads.map(publishPacket);
        const stream = Buffer.concat(packets);
        const chunks: Buffer[] = [];
        for (let i = 0; i < stream.length; i += cut) chunks.push(stream.subarray(i, i + cut));
        // Three bytes of topic stand before the payload.
        const largest = Math.max(...payloads) + 3;
        assert.deepEqual(await run(chunks, largest), stream);
        if (largest > 3) await assert.rejects(run(chunks, largest - 1), /packet larger than/);
      }),
      { numRuns: 100 },
    );
  });
});
