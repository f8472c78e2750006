import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { topicPrefix } from '../../src/telemetry/contract/messages.js';
import {
  CONTRACT,
  commandTopic,
  type Guarantee,
  type Guarantees,
  messageTopic,
  pictureTopic,
  type RouteName,
  responseTopic,
} from '../../src/telemetry/contract/topics.js';
import type { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { openFixture } from '../storage/fixtures.js';
import { temporaryFolder } from '../temporary-folder.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import { allKinds, mqttSettings, robot, TcpProxy, until } from './tools.js';

/**
 * What a subscriber of a real broker sees of each kind of message, against the table. The table
 * with every value changed shows that the wire follows the table instead of agreeing by chance.
 */

const ROBOT = 'r1';
const COMMAND = 'status';
const ROUTES = Object.keys(CONTRACT) as RouteName[];
const SENT = ROUTES.filter((name) => name !== 'command');
const CHANGED_EXPIRY_SECONDS = 3_600;
const SETTINGS = mqttSettings();

const TABLES: Record<string, Guarantees> = {
  'the contract': CONTRACT,
  'another QoS': changed(({ qos }) => ({ qos: qos === 1 ? 0 : 1 })),
  'another retain flag': changed(({ retain }) => ({ retain: !retain })),
  'another expiry': changed(({ expirySeconds }) => ({
    expirySeconds: expirySeconds === null ? CHANGED_EXPIRY_SECONDS : null,
  })),
};

function changed(change: (guarantee: Guarantee) => Partial<Guarantee>): Guarantees {
  const entries = ROUTES.map((name) => [name, { ...CONTRACT[name], ...change(CONTRACT[name]) }]);
  return Object.fromEntries(entries) as Guarantees;
}

function topicOf(name: RouteName): string {
  if (name === 'command') return topicPrefix(ROBOT) + commandTopic(COMMAND);
  if (name === 'response') return topicPrefix(ROBOT) + responseTopic(COMMAND);
  if (name === 'picture') return topicPrefix(ROBOT) + pictureTopic('main');
  return topicPrefix(ROBOT) + messageTopic(name, null);
}

/** Sees QoS, retain flag (as published, also live) and expiry of everything below headland/. */
class Tap {
  readonly seen: IPublishPacket[] = [];

  private constructor(readonly client: MqttClient) {
    client.on('message', (_topic, _payload, packet) => this.seen.push(packet));
  }

  static async connect(t: TestContext, url: string): Promise<Tap> {
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 });
    t.after(() => client.end(true));
    const tap = new Tap(client);
    await client.subscribeAsync('headland/#', { qos: 1, rap: true });
    return tap;
  }

  on(name: RouteName): IPublishPacket[] {
    return this.seen.filter(({ topic }) => topic === topicOf(name));
  }

  async state(state: string): Promise<IPublishPacket> {
    const says = ({ payload }: IPublishPacket) => JSON.parse(payload.toString()).state === state;
    return until(`status ${state}`, () => this.on('status').find(says));
  }
}

/** What the table promises, in the words of the wire. */
function assertAsPromised(
  packet: IPublishPacket,
  { qos, retain, expirySeconds }: Guarantee,
  { protocolVersion, what }: { protocolVersion: 4 | 5; what: string },
): void {
  assert.equal(packet.qos, qos, `QoS of ${what}`);
  assert.equal(packet.retain, retain, `retain flag of ${what}`);
  const left = packet.properties?.messageExpiryInterval;
  const promised =
    expirySeconds === 'mqtt.outboxMaxAgeMs' ? SETTINGS.outboxMaxAgeMs / 1_000 : expirySeconds;
  if (promised === null || protocolVersion === 4) {
    assert.equal(left, undefined, `expiry of ${what}`);
  } else {
    // The broker counts off the time that the message lay with it.
    assert.ok(
      left !== undefined && left <= promised && left >= promised - process.uptime() - 1,
      what,
    );
  }
}

async function sendAll(client: TelemetryClient, tap: Tap): Promise<void> {
  for (const send of Object.values(allKinds(client))) send();
  client.picture('main', Uint8Array.of(0xff, 0xd8, 0xff));
  const { qos, retain } = CONTRACT.command;
  const topic = topicPrefix(ROBOT) + commandTopic(COMMAND);
  await tap.client.publishAsync(topic, '{}', { qos, retain });
  for (const name of SENT) await until(name, () => tap.on(name)[0]);
}

describe('the wire obeys the contract', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  for (const [protocol, protocolVersion] of [
    ['5', 5],
    ['3.1.1', 4],
  ] as const) {
    for (const [table, guarantees] of Object.entries(TABLES)) {
      test(`MQTT ${protocol}, ${table}`, { timeout: TEST_HANG_MS }, async (t) => {
        const broker = await Mosquitto.start(t, ['log_type subscribe', 'log_type debug']);
        const proxy = await TcpProxy.start(t, broker.port);
        const tap = await Tap.connect(t, broker.url);
        const { client } = robot(t, proxy.url, { settings: { protocol }, guarantees });
        client.onCommand(async () => ({}));
        client.start();
        await until('connected', () => client.connected);
        assert.equal(client.stats().protocolVersion, protocolVersion);

        await sendAll(client, tap);
        for (const name of SENT) {
          for (const packet of tap.on(name)) {
            assertAsPromised(packet, guarantees[name], { protocolVersion, what: name });
          }
        }

        // The broker's own word: "<client> <QoS> <filter>".
        const filter = topicPrefix(ROBOT) + commandTopic('+');
        const [, qos] = await until('the subscription in the log', () =>
          new RegExp(` headland-${ROBOT} (\\d) ${filter.replace('+', '\\+')}\\n`).exec(broker.log),
        );
        assert.equal(Number(qos), guarantees.command.qos, 'QoS of the subscription to commands');

        const late = await Tap.connect(t, broker.url);
        const kept = SENT.filter((name) => guarantees[name].retain);
        await until('what is retained', () => late.seen.length >= kept.length);
        assert.deepEqual(late.seen.map(({ topic }) => topic).sort(), kept.map(topicOf).sort());

        proxy.cut();
        const will = await tap.state('offline');
        assert.equal(JSON.parse(will.payload.toString()).reason, 'connection_lost');
        assertAsPromised(will, guarantees.status, { protocolVersion, what: 'the last will' });
      });
    }
  }

  test('what a headland without schema versions has queued arrives', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const path = join(temporaryFolder(t), 'headland.db');
    const database = openFixture(path, 'samples-2', 'outbox-0');
    // The fixture is old; an outbox gives up what is older than mqtt.outboxMaxAgeMs.
    const now = Date.now();
    database.exec(`UPDATE telemetry_outbox SET created_at_ms = ${now},
      expires_at_ms = expires_at_ms - created_at_ms + ${now}`);
    database.close();
    const broker = await Mosquitto.start(t);
    const tap = await Tap.connect(t, broker.url);
    const { client } = robot(t, broker.url, { path });
    client.start();
    const queued = () => tap.seen.filter(({ topic }) => topic !== topicOf('status'));
    await until('four messages', () => queued().length >= 4);
    assert.deepEqual(
      queued().map(({ topic, qos, retain, payload }) => [
        topic,
        qos,
        retain,
        JSON.parse(payload.toString()).seq,
      ]),
      [
        [topicOf('metrics'), 1, false, 2],
        [topicOf('training_report'), 1, false, 3],
        [topicOf('response'), 1, false, 4],
        [topicOf('event'), 1, false, 5],
      ],
    );
    assert.deepEqual([...queued()[2]!.properties!.correlationData!], [0, 255, 7]);
    await until('an empty outbox', () => client.stats().outbox.messages === 0);
  });

  test('predictions with QoS 1 never exceed the Receive Maximum', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['max_inflight_messages 2']);
    const tap = await Tap.connect(t, broker.url);
    const { client } = robot(t, broker.url, {
      settings: { predictionIntervalMs: 0 },
      guarantees: { ...CONTRACT, prediction: { ...CONTRACT.prediction, qos: 1 } },
    });
    client.start();
    await tap.state('online');
    await until('nothing in flight', () => allKinds(client).prediction());
    for (let i = 0; i < 50; i++) allKinds(client).prediction();
    const { predictionsSent, predictionsDropped } = client.stats();
    assert.ok(predictionsSent <= 3 && predictionsDropped >= 48, `${predictionsSent} sent`);
    await until('all that were sent', () => tap.on('prediction').length === predictionsSent);
    assert.equal(client.stats().sessions, 1, 'the broker had no reason to hang up');
  });

  test('messages with QoS 0 leave the outbox in their order', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const tap = await Tap.connect(t, broker.url);
    const { client } = robot(t, broker.url, {
      guarantees: { ...CONTRACT, event: { ...CONTRACT.event, qos: 0 } },
    });
    for (let index = 0; index < 100; index++) {
      client.event({ kind: 'camera', severity: 'info', message: 'm', details: { index } });
    }
    client.start();
    await until('all of them', () => tap.on('event').length === 100);
    assert.deepEqual(
      tap.on('event').map(({ payload }) => JSON.parse(payload.toString()).details.index),
      Array.from({ length: 100 }, (_, index) => index),
    );
    await until('an empty outbox', () => client.stats().outbox.messages === 0);
  });
});
