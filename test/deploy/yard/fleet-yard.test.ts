import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, type MqttClient } from 'mqtt';
import { fleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { checkHubConfig } from '../../../src/fleet/hub/settings/load-hub-config.js';
import { HubChild } from '../../fleet/hub-child.js';
import { placeData } from '../../fleet/places.js';
import { RobotStandIn } from '../../fleet/stand-in.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder } from '../../recorder.js';
import { withoutOpenssl } from '../../telemetry/certificates.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { until } from '../../telemetry/tools.js';
import { DeployedBroker } from '../mosquitto-broker.js';
import { YardCopy } from './yard-copy.js';

const SKIP = withoutMosquitto || withoutOpenssl;
const GUIDE = fileURLToPath(new URL('../../../../docs/guides/fleet.md', import.meta.url));
const SIZE = 16;
const SAVES = /^autosave_interval (\d+)$/m;
/** The broker saves at an orderly end alone. */
const NEVER_S = 86_400;
/** MQTT 5: not authorised. */
const REFUSED = 0x87;
const LABELS: Record<string, string[]> = {
  r1: ['maize', 'thistle'],
  r2: ['maize', 'dock'],
  r3: ['dock', 'thistle'],
};
const ROBOTS = Object.keys(LABELS);

interface Heard {
  topic: string;
  text: string;
  retained: boolean;
}

function hear(client: MqttClient): Recorder<Heard> {
  const heard = new Recorder<Heard>();
  client.on('message', (topic, payload, { retain }) =>
    heard.add({ topic, text: payload.toString(), retained: retain }),
  );
  return heard;
}

/** The reason code with which the broker refuses a message; null: it takes it. */
async function refusal(client: MqttClient, topic: string): Promise<number | null> {
  try {
    await client.publishAsync(topic, 'forged', { qos: 1 });
    return null;
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error && typeof error.code === 'number');
    return error.code;
  }
}

/** A broker as the yard has it, once setup.sh has run. @param saveSeconds how often it saves by itself */
async function yardBroker(t: TestContext, saveSeconds: number) {
  const yard = new YardCopy(t);
  yard.mustSetup('init', '127.0.0.1');
  yard.mustSetup('add-robot', ...ROBOTS);
  const files = yard.brokerFiles();
  const broker = await DeployedBroker.start(t, {
    ...files,
    install: (root, configuration) =>
      files.install(root, (shipped) =>
        configuration(shipped).replace(SAVES, `autosave_interval ${saveSeconds}`),
      ),
  });
  broker.certify('user', 'operator');
  return { yard, broker };
}

test('the files of a yard make a fleet, in which nobody speaks for another', {
  skip: SKIP,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { yard, broker } = await yardBroker(t, NEVER_S);
  const settings = yard.hubSettings(broker);
  const { learning } = checkHubConfig(settings, 'the settings of the test');
  assert.equal(learning.basisDirections, 'all', 'as shipped');
  const hub = new HubChild(settings);
  t.after(() => hub.stop());
  await hub.up();

  const robots = ROBOTS.map(
    (robot) =>
      new RobotStandIn({
        robot,
        url: broker.url,
        task: 'main',
        backbone: 'b1',
        featureSize: SIZE,
        data: placeData(robot, LABELS[robot] ?? [], 30, SIZE),
        identity: broker.identity(robot),
      }),
  );
  for (const robot of robots) {
    t.after(() => robot.stop());
    await robot.start();
  }
  await until('all serve a head with all classes', () =>
    robots.every(({ head }) => head?.labels.join() === 'dock,maize,thistle'),
  );
  const operator = await broker.connect(t, broker.identity('operator'));
  const all = hear(operator);
  await operator.subscribeAsync('headland/#', { qos: 1 });
  const command = (robot: string, name: string) =>
    operator.publishAsync(`headland/${robot}/cmd/${name}`, '{}', { qos: 1 });

  await t.test(
    'a robot hears nothing of another, and cannot speak for it or for the hub',
    async () => {
      const client = await broker.connect(t, broker.identity('r1'), { clientId: 'r1-other' });
      const heard = hear(client);
      for (const topic of ['desired', 'part', 'reported', 'chunk', 'want'] as const) {
        await client.subscribeAsync(fleetTopic('r2', topic), { qos: 1 }).catch(() => undefined);
        assert.equal(await refusal(client, fleetTopic('r2', topic)), REFUSED, `${topic} of r2`);
      }
      for (const topic of ['desired', 'part'] as const) {
        assert.equal(
          await refusal(client, fleetTopic('r1', topic)),
          REFUSED,
          `${topic} of its own`,
        );
      }
      robots[1]?.report();
      await all.next(({ topic }) => topic === fleetTopic('r2', 'reported'), 'the report of r2');
      await client.subscribeAsync('headland/r1/cmd/+', { qos: 1 });
      await command('r1', 'last');
      await heard.until(({ topic }) => topic.endsWith('/cmd/last'), 'a command');
      assert.deepEqual(
        heard.all.map(({ topic }) => topic),
        ['headland/r1/cmd/last'],
      );
      assert.deepEqual(
        all.all.filter(({ text }) => text === 'forged'),
        [],
      );
    },
  );

  await t.test('the hub sees no prediction and no command, and sends no command', async () => {
    const spy = await broker.connect(t, broker.identity('hub'), { clientId: 'spy' });
    const heard = hear(spy);
    for (const topic of ['headland/#', 'headland/r1/prediction', 'headland/r1/cmd/retrain']) {
      await spy.subscribeAsync(topic, { qos: 1 }).catch(() => undefined);
    }
    const robot = await broker.connect(t, broker.identity('r1'), { clientId: 'r1-again' });
    await robot.publishAsync('headland/r1/prediction', '{}', { qos: 1 });
    await command('r1', 'retrain');
    assert.equal(await refusal(spy, 'headland/r1/cmd/retrain'), REFUSED);
    // The broker passes on in this order.
    await robot.publishAsync(fleetTopic('r1', 'want'), 'last', { qos: 1 });
    await heard.until(({ text }) => text === 'last', 'what a hub may read');
    assert.deepEqual(
      heard.all.map(({ topic }) => topic).filter((topic) => !/\/fleet\/[a-z]+$/.test(topic)),
      [],
    );
  });

  await t.test('after a power cut of the broker all say again what it has lost', async () => {
    await broker.down('SIGKILL');
    assert.ok(!existsSync(saved(broker)), 'nothing was saved');
    await broker.up();
    const late = await broker.connect(t, broker.identity('operator'), { clientId: 'late' });
    const again = hear(late);
    await late.subscribeAsync('headland/+/fleet/+', { qos: 1 });
    for (const robot of ROBOTS) {
      for (const topic of ['reported', 'desired'] as const) {
        await again.until(
          (each) => each.topic === fleetTopic(robot, topic),
          `${topic} of ${robot}`,
        );
      }
    }
  });
});

/** r1 with a session that the broker keeps; it hears from the beginning. */
async function r1(t: TestContext, broker: DeployedBroker) {
  const client = connect(broker.url, {
    ...broker.identity('r1'),
    protocolVersion: 5,
    reconnectPeriod: 0,
    clientId: 'headland-r1',
    clean: false,
    properties: { sessionExpiryInterval: 86_400 },
  });
  t.after(() => client.end(true));
  client.on('error', () => {});
  const heard = hear(client);
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  await client.subscribeAsync('headland/r1/cmd/+', { qos: 1 });
  return { client, heard };
}

/** r1 reports and goes away; then somebody sends it a command. */
async function leaveBehind(t: TestContext, broker: DeployedBroker, what: string) {
  const { client } = await r1(t, broker);
  await client.publishAsync(fleetTopic('r1', 'reported'), what, { qos: 1, retain: true });
  await client.endAsync();
  const operator = await broker.connect(t, broker.identity('operator'));
  await operator.publishAsync(`headland/r1/cmd/${what}`, '{}', { qos: 1 });
  await operator.endAsync();
}

/** What the broker starts from. */
function saved({ root }: DeployedBroker): string {
  return join(root, 'mosquitto/data/mosquitto.db');
}

/** The retained report of r1, and the commands that have waited for it. */
async function found(t: TestContext, broker: DeployedBroker) {
  const operator = await broker.connect(t, broker.identity('operator'));
  const seen = hear(operator);
  await operator.subscribeAsync(fleetTopic('r1', 'reported'), { qos: 1 });
  const { text } = await seen.until(({ retained }) => retained, 'the retained report');
  const { client, heard } = await r1(t, broker);
  // Comes after everything that has waited.
  await operator.publishAsync('headland/r1/cmd/last', '{}', { qos: 1 });
  await heard.until(({ topic }) => topic.endsWith('/last'), 'a command');
  await client.endAsync();
  await operator.endAsync();
  const commands = heard.all.map(({ topic }) => topic.split('/').at(-1));
  return { report: text, commands: commands.slice(0, -1) };
}

test('a restart of the broker of a yard loses no report and no command, and a kill what came since', {
  skip: SKIP,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { broker } = await yardBroker(t, NEVER_S);
  await leaveBehind(t, broker, 'first');
  await broker.down('SIGTERM');
  await broker.up();
  const first = { report: 'first', commands: ['first'] };
  assert.deepEqual(await found(t, broker), first);
  await leaveBehind(t, broker, 'second');
  await broker.down('SIGKILL');
  await broker.up();
  assert.deepEqual(await found(t, broker), first, 'all is as it was saved last');
});

test('the broker of a yard saves by itself', { skip: SKIP, timeout: TEST_HANG_MS }, async (t) => {
  const { yard, broker } = await yardBroker(t, 1);
  await leaveBehind(t, broker, 'saved');
  await until('the broker to save', () => {
    return existsSync(saved(broker)) && readFileSync(saved(broker)).includes('r1/cmd/saved');
  });
  await broker.down('SIGKILL');
  await broker.up();
  assert.deepEqual(await found(t, broker), { report: 'saved', commands: ['saved'] });
  const seconds = SAVES.exec(yard.text('mosquitto.conf'))?.[1];
  assert.ok(readFileSync(GUIDE, 'utf8').includes(`every ${seconds} seconds`), 'as the guide says');
});
