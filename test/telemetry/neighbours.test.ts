import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { AlarmName, Alarms } from '../../src/base/alarms.js';
import { Contest } from '../../src/telemetry/connection/contest.js';
import { TEST_HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import { event, Observer, robot, TcpProxy, until } from './tools.js';

const raised = (alarms: Alarms, name: AlarmName) =>
  until(`the alarm ${name}`, () => alarms.list().find((alarm) => alarm.name === name));
const isContest = ({ name }: { name: AlarmName }) => name === 'mqtt-client-id';
const cleared = (alarms: Alarms, name: AlarmName) =>
  until(`the end of the alarm ${name}`, () => !alarms.has(name));

/** A broker of a few bytes: takes every connection and answers SUBSCRIBE as it is told. */
async function fakeBroker(
  t: TestContext,
  onSubscribe: (socket: Socket, packetId: Buffer, version: number, count: number) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  let subscriptions = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let version = 5;
    socket.on('error', () => {});
    socket.on('data', (packet) => {
      const type = packet[0]! >> 4;
      if (type === 1) {
        version = packet[packet.indexOf('MQTT') + 4]!;
        socket.write(version === 5 ? CONNACK_5 : CONNACK_4);
      } else if (type === 8) {
        onSubscribe(socket, packet.subarray(2, 4), version, ++subscriptions);
      } else if (type === 12) {
        socket.write(Buffer.from([0xd0, 0]));
      }
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${port}`;
}

const CONNACK_5 = Buffer.from([0x20, 3, 0, 0, 0]);
const CONNACK_4 = Buffer.from([0x20, 2, 0, 0]);
/** Session taken over. */
const DISCONNECT_5 = Buffer.from([0xe0, 2, 0x8e, 0]);

function suback(packetId: Buffer, version: number, reason: number): Buffer {
  const body = version === 5 ? [...packetId, 0, reason] : [...packetId, reason];
  return Buffer.from([0x90, body.length, ...body]);
}

describe('another client with the same id', { timeout: TEST_HANG_MS }, () => {
  for (const protocol of ['5', '3.1.1'] as const) {
    test(`is told from how the broker ends connections, protocol ${protocol}`, {
      skip: withoutMosquitto,
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const broker = await Mosquitto.start(t);
      const settings = { protocol, clientId: 'headland-r1' };
      const one = robot(t, broker.url, { settings, boot: 'one' });
      const other = robot(t, broker.url, { settings, boot: 'other', robotId: 'r2' });
      one.client.start();
      await until('connected', () => one.client.connected);
      other.client.start();
      const alarm = await until('an alarm of either', () =>
        [one, other].flatMap(({ alarms }) => alarms.list()).find(isContest),
      );
      assert.equal(alarm.error.code, 'HL_BROKER_CLIENT_ID_TAKEN');
      assert.match(alarm.error.message, /another client .* the client id "headland-r1"/);
      await other.stop();
      await cleared(one.alarms, 'mqtt-client-id');
      assert.equal(one.client.connected, true);
    });
  }

  test('is known at once where the broker says so', { timeout: TEST_HANG_MS }, async (t) => {
    const url = await fakeBroker(t, (socket, packetId, version, count) => {
      socket.write(suback(packetId, version, 1));
      if (count === 1) socket.end(DISCONNECT_5);
    });
    // By the time the test looks, the robot may have connected again.
    const sessions: number[] = [];
    const { client, alarms } = robot(t, url, {
      onAlarm: () => sessions.push(client.stats().sessions),
    });
    client.start();
    const alarm = await raised(alarms, 'mqtt-client-id');
    assert.match(alarm.error.message, /takes over this robot/);
    assert.deepEqual(sessions, [1]);
  });

  test('is not thought of where a link or a broker fails', {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const proxy = await TcpProxy.start(t, broker.port);
    const { client, alarms } = robot(t, proxy.url);
    client.start();
    for (let time = 1; time <= 2; time++) {
      await until('connected', () => client.connected);
      proxy.cut();
      await until('lost', () => !client.connected);
      proxy.mend();
    }
    for (let time = 1; time <= 3; time++) {
      await until('connected', () => client.connected);
      await broker.kill();
      await until('refused', () => client.stats().lastEnd?.kind !== 'lost' && !client.connected);
      await broker.up();
    }
    await until('connected', () => client.connected);
    assert.equal(alarms.has('mqtt-client-id'), false);
  });

  test('shows in ends that follow each other, not in ones far apart', () => {
    const contest = new Contest(10_000);
    const end = (heldMs: number, wordless = true, overMessage = false) =>
      contest.ended({ takenOver: false, wordless, overMessage, heldMs });
    const ends = (...heldMs: number[]) => heldMs.map((ms) => end(ms));
    assert.deepEqual(ends(10, 2_000, 30, 9_999), [false, false, false, true]);
    assert.deepEqual(ends(10_000, 10, 10, 10), [false, false, false, false]);
    assert.equal(end(10), true);
    assert.equal(end(10, false), false, 'the broker gave a reason');
    assert.deepEqual(ends(10, 10, 10), [false, false, false]);
    contest.notTaken();
    assert.deepEqual(ends(10, 10, 10, 10), [false, false, false, true]);
    const taken = { takenOver: true, wordless: false, overMessage: false, heldMs: 1e9 };
    assert.equal(contest.ended(taken), true);
  });

  test('shows also where each connection ends at a message, after more of them', () => {
    const contest = new Contest(10_000);
    const end = () =>
      contest.ended({ takenOver: false, wordless: true, overMessage: true, heldMs: 10 });
    const ends = Array.from({ length: 20 }, end);
    assert.deepEqual(ends, [...Array.from({ length: 19 }, () => false), true]);
  });
});

describe('a broker that refuses', { timeout: TEST_HANG_MS }, () => {
  for (const [protocol, reason] of [
    ['5', 0x87],
    ['5', 0x80],
    ['3.1.1', 0x80],
  ] as const) {
    test(`the subscription: said once, asked again, reports go on (${protocol}, ${reason})`, {
      timeout: TEST_HANG_MS,
    }, async (t) => {
      let asked = 0;
      const url = await fakeBroker(t, (socket, packetId, version, count) => {
        asked = count;
        socket.write(suback(packetId, version, count <= 2 ? reason : 1));
      });
      const { client, alarms } = robot(t, url, { settings: { protocol } });
      client.start();
      const alarm = await raised(alarms, 'mqtt-commands');
      assert.equal(alarm.error.code, 'HL_BROKER_SUBSCRIPTION_REFUSED');
      assert.match(alarm.error.message, /headland\/r1\/cmd\/\+/);
      assert.equal(client.connected, true, 'the robot still reports');
      await cleared(alarms, 'mqtt-commands');
      assert.equal(asked, 3);
      assert.equal(client.stats().sessions, 1, 'on the same connection');
    });
  }

  test('messages: each topic is named once, kept, not hammered, and sent when it may be', {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const dir = temporaryFolder(t);
    const acl = join(dir, 'acl');
    writeFileSync(acl, 'topic write headland/+/status\ntopic read headland/#\n', { mode: 0o644 });
    const broker = await Mosquitto.start(t, [
      'user root',
      `acl_file ${acl}`,
      'log_type debug',
      'log_type error',
    ]);
    const { client, alarms, outbox } = robot(t, broker.url);
    for (let index = 0; index < 40; index++) client.event(event(index));
    client.start();
    const alarm = await raised(alarms, 'mqtt-messages');
    assert.equal(alarm.error.code, 'HL_BROKER_REFUSED');
    assert.match(alarm.error.message, /0x87, not authorised.*headland\/r1\/event/);
    for (let index = 40; index < 60; index++) client.event(event(index));
    await until('connected', () => client.connected);
    const denials = () => broker.log.match(/Denied PUBLISH .*headland\/r1\/event/g)?.length ?? 0;
    assert.ok(denials() <= 20, `${denials()} of 60 events were offered`);
    assert.equal(outbox.stats().messages, 60);
    assert.equal(alarms.has('mqtt-client-id'), false, 'mosquitto 2.0.11 ends such connections');

    writeFileSync(acl, 'topic readwrite headland/#\n');
    await broker.kill('SIGTERM');
    await broker.up();
    const observer = await Observer.connect(t, broker.url);
    await cleared(alarms, 'mqtt-messages');
    await until('an empty outbox', () => outbox.stats().messages === 0);
    assert.ok(observer.on('headland/r1/event').length > 0);
  });
});
