import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Alarms } from '../../src/base/alarms.js';
import { createLog } from '../../src/base/log.js';
import { serverReason } from '../../src/telemetry/connection/server-reason.js';
import { COMMAND_NAMES } from '../../src/telemetry/contract/command-contract.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { byteBroker, connack, disconnect, textProperty } from './byte-broker.js';
import { Mosquitto, passwordFile, withoutMosquitto } from './mosquitto.js';
import { event, mqttSettings, Observer, openOutbox, robot, until } from './tools.js';

const SERVER_REFERENCE = 0x1c;
const REASON_STRING = 0x1f;

interface LogLine {
  level: number;
  code?: string;
  msg: string;
  missing?: string[];
}

/** A robot whose log is read. */
function logged(t: TestContext, url: string, settings: Parameters<typeof mqttSettings>[0] = {}) {
  const lines: LogLine[] = [];
  const store = openOutbox(join(temporaryFolder(t), 'outbox.db'));
  const alarms = new Alarms({ onRaised: () => {}, onCleared: () => {} });
  const client = new TelemetryClient({
    namedTasks: false,
    robotId: 'r1',
    boot: 'boot-1',
    settings: mqttSettings(settings),
    access: () => ({ url, credentials: {} }),
    outbox: store.outbox,
    alarms,
    log: createLog({ level: 'info', sink: (line) => lines.push(JSON.parse(line)) }),
  });
  t.after(async () => {
    await client.stop();
    store.close();
  });
  return { client, alarms, lines };
}

describe('what a broker says by a reason code', { timeout: TEST_HANG_MS }, () => {
  const moved = textProperty(SERVER_REFERENCE, 'b2.farm:8883');
  const refusals: [string, Buffer, string, RegExp][] = [
    ['a wrong password', connack(0x86), 'HL_BROKER_LOGIN', /wrong user name or password$/],
    ['no right', connack(0x87), 'HL_BROKER_REFUSED', /or not authorised/],
    ['a quota', connack(0x97), 'HL_BROKER_QUOTA', /a quota is used up/],
    ['a rate', connack(0x9f), 'HL_BROKER_QUOTA', /too many connections/],
    ['a busy server', connack(0x89), 'HL_BROKER_BUSY', /it is busy/],
    ['a ban', connack(0x8a), 'HL_BROKER_REFUSED', /banned/],
    ['a client id', connack(0x85), 'HL_BROKER_REFUSED', /does not accept the client id/],
    ['a large packet', connack(0x95), 'HL_BROKER_PACKET_TOO_LARGE', /packet is too large/],
    ['another server', connack(0x9c, moved), 'HL_BROKER_MOVED', /is to be used: b2\.farm:8883/],
    ['a moved server', connack(0x9d, moved), 'HL_BROKER_MOVED', /has moved: b2\.farm:8883/],
    [
      'its own words',
      connack(0x97, textProperty(REASON_STRING, 'pay the bill')),
      'HL_BROKER_QUOTA',
      /used up \("pay the bill"\)/,
    ],
  ];
  for (const [what, answer, code, words] of refusals) {
    test(`in CONNACK: ${what}`, { timeout: TEST_HANG_MS }, async (t) => {
      const url = await byteBroker(t, { connack: () => answer });
      const { client, alarms, lines } = logged(t, url, { protocol: '5' });
      client.start();
      const alarm = await until('the alarm', () =>
        alarms.list().find(({ name }) => name === 'mqtt'),
      );
      assert.equal(alarm.error.code, code);
      assert.match(alarm.error.message, words);
      assert.equal(client.broker.problem?.code, code);
      assert.match(client.broker.problem!.message, words);
      const line = lines.find((each) => each.code === code);
      assert.match(line?.msg ?? '', words);
    });
  }

  const ends: [string, Buffer, string, RegExp][] = [
    ['a quota', disconnect(0x97), 'HL_BROKER_QUOTA', /ended the connection: a quota is used up/],
    ['a large packet', disconnect(0x95), 'HL_BROKER_PACKET_TOO_LARGE', /the packet is too large/],
    ['a moved server', disconnect(0x9d, moved), 'HL_BROKER_MOVED', /has moved: b2\.farm:8883/],
    ['an administrator', disconnect(0x98), 'HL_BROKER_REFUSED', /its administrator/],
    ['another client', disconnect(0x8e), 'HL_BROKER_CLIENT_ID_TAKEN', /another client with this/],
    ['a stop', disconnect(0x8b), 'HL_BROKER_BUSY', /it is shutting down/],
  ];
  for (const [what, afterwards, code, words] of ends) {
    test(`in DISCONNECT: ${what}`, { timeout: TEST_HANG_MS }, async (t) => {
      const url = await byteBroker(t, { connack: () => connack(0), afterwards });
      const { client, lines } = logged(t, url, { protocol: '5' });
      client.start();
      const line = await until('the line', () => lines.find((each) => each.code === code));
      assert.match(line.msg, words);
    });
  }

  test('from a real broker: a wrong password, in both versions', {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const passwords = passwordFile(join(temporaryFolder(t), 'passwords'), 'r1', 'right');
    const broker = await Mosquitto.start(t, ['allow_anonymous false', passwords]);
    for (const protocol of ['5', '3.1.1'] as const) {
      const { client } = logged(t, broker.url.replace('//', '//r1:wrong@'), { protocol });
      client.start();
      const problem = await until('the problem', () => client.broker.problem);
      assert.match(problem.message, /wrong user name or password, or not authorised/);
    }
  });

  test('words of a broker stay on one line, and short', () => {
    const { words } = serverReason(0x97, 'later', { reasonString: `a\nb${'x'.repeat(1_000)}` });
    assert.ok(words.length < 300 && !words.includes('\n'), words);
    assert.match(serverReason(0xf1, 'later').words, /reason code 241/);
  });
});

describe('a broker with limits', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  const said = (lines: LogLine[]) => lines.filter(({ code }) => code === 'HL_BROKER_LIMITED');

  test('without retained messages: the robot goes on, and says so once', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['retain_available false']);
    const observer = await Observer.connect(t, broker.url);
    const { client, lines, alarms } = logged(t, broker.url);
    client.start();
    const { retain } = await observer.next('headland/r1/status');
    assert.equal(retain, false);
    client.event(event(1));
    await observer.next('headland/r1/event');
    assert.deepEqual(
      client.broker.missing.map(({ name }) => name),
      ['retained_messages'],
    );
    await broker.kill();
    await broker.up();
    await until('connected again', () => client.connected && client.stats().sessions > 2);
    const warnings = said(lines).filter(({ level }) => level === 40);
    assert.deepEqual(
      warnings.map(({ missing }) => missing),
      [['retained_messages']],
    );
    assert.deepEqual(alarms.list(), []);
  });

  test('without QoS 1: everything is sent with QoS 0, and leaves the outbox', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['max_qos 0']);
    const observer = await Observer.connect(t, broker.url);
    const { client, lines } = logged(t, broker.url);
    client.onCommand(async () => ({}));
    client.start();
    await observer.next('headland/r1/status');
    for (let index = 0; index < 50; index++) client.event(event(index));
    const last = await observer.next('headland/r1/event', ({ json }) => json.details.index === 49);
    assert.equal(last.packet.qos, 0);
    await until('an empty outbox', () => client.stats().outbox.messages === 0);
    await observer.client.publishAsync('headland/r1/cmd/ping', '{}', { qos: 0 });
    await observer.next('headland/r1/cmd/ping/response');
    assert.deepEqual(
      said(lines).flatMap(({ missing = [] }) => missing),
      ['qos_1'],
    );
  });

  test('with a small packet size: what fits is sent, and the size is said', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['max_packet_size 2000']);
    const observer = await Observer.connect(t, broker.url);
    const { client, lines } = logged(t, broker.url);
    client.start();
    client.event(event(1, 'x'.repeat(3_000)));
    client.event(event(2));
    await observer.next('headland/r1/event', ({ json }) => json.details.index === 2);
    assert.match(said(lines)[0]!.msg, /no packets above 2000 bytes/);
    assert.equal(client.stats().sessions, 1);
  });

  test('without wildcards: each command is subscribed to by its name', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const subscribed: string[] = [];
    const url = await byteBroker(t, {
      connack: () => connack(0, [0x28, 0, 0x2a, 0]),
      onSubscribe: (filters) => subscribed.push(...filters),
    });
    const { client, lines } = logged(t, url, { protocol: '5' });
    client.start();
    const [line] = await until('the line', () => (said(lines).length > 0 ? said(lines) : null));
    assert.deepEqual(line!.missing, ['wildcard_subscriptions', 'shared_subscriptions']);
    assert.deepEqual(
      subscribed.sort(),
      COMMAND_NAMES.map((name) => `headland/r1/cmd/${name}`).sort(),
    );
  });

  test('a broker with all of it is said nothing about', { timeout: TEST_HANG_MS }, async (t) => {
    const broker = await Mosquitto.start(t);
    const { client, lines } = logged(t, broker.url);
    client.start();
    await until('connected', () => client.connected);
    assert.deepEqual([said(lines), client.broker.missing], [[], []]);
    assert.equal(client.broker.problem, null);
    assert.equal(robot(t, broker.url).client.broker.url, null);
  });
});
