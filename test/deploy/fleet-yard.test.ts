import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { fleetTopic } from '../../src/fleet/contract/fleet-topics.js';
import { HubChild } from '../fleet/hub-child.js';
import { until } from '../fleet/hub-fixture.js';
import { placeData } from '../fleet/places.js';
import { RobotStandIn } from '../fleet/stand-in.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';
import { DeployedBroker } from './mosquitto-broker.js';

const YARD = fileURLToPath(new URL('../../../deploy/fleet/yard/', import.meta.url));
const SIZE = 16;

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({ image: z.string(), command: z.array(z.string()), volumes: z.array(z.string()) }),
  ),
});

/** The settings as shipped; only paths, port and host name are those of the test. */
function hubSettings(folder: string, broker: DeployedBroker): object {
  const shipped = readFileSync(join(YARD, 'hub.yaml'), 'utf8');
  for (const part of [
    'mqtts://broker:8883',
    '/etc/headland/hub/',
    '/var/lib/headland/',
    '0.0.0.0',
  ]) {
    assert.ok(shipped.includes(part), part);
  }
  const text = shipped
    .replace('mqtts://broker:8883', broker.url)
    .replaceAll('/etc/headland/hub/', `${folder}/`)
    .replace('/var/lib/headland/', `${folder}/`)
    .replace('host: 0.0.0.0', 'host: 127.0.0.1')
    .replace('port: 8790', 'port: 0');
  // What decides how long the test takes.
  return {
    ...(parse(text) as object),
    learning: {
      basisDirections: 'all',
      roundIntervalMs: 1_000,
      settleMs: 100,
      roundTimeoutMs: 5_000,
    },
    rollout: { stageMs: 0 },
    tickMs: 50,
    log: { format: 'json', level: 'info' },
  };
}

test('the files of a yard make a fleet, in which nobody speaks for another', {
  skip: withoutMosquitto,
  timeout: 120_000,
}, async (t) => {
  const broker = await DeployedBroker.start(t);
  broker.certify('user', 'hub');
  broker.certify('robot', 'r1', 'r2', 'r3');
  const folder = mkdtempSync(join(tmpdir(), 'headland-yard-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const file of ['ca.crt', 'hub.crt', 'hub.key']) {
    copyFileSync(broker.file(file), join(folder, file));
  }
  const hub = new HubChild(hubSettings(folder, broker));
  t.after(() => hub.stop());
  await hub.up();

  const robots = ['r1', 'r2', 'r3'].map((robot, i) => {
    const labels =
      [
        ['maize', 'thistle'],
        ['maize', 'dock'],
        ['dock', 'thistle'],
      ][i] ?? [];
    return new RobotStandIn({
      robot,
      url: broker.url,
      task: 'main',
      backbone: 'b1',
      featureSize: SIZE,
      data: placeData(robot, labels, 30, SIZE),
      identity: broker.identity(robot),
    });
  });
  for (const robot of robots) {
    t.after(() => robot.stop());
    await robot.start();
  }
  await until('all serve a head with all classes', () =>
    robots.every(({ head }) => head?.labels.join() === 'dock,maize,thistle'),
  );

  await t.test(
    'a robot hears nothing of another, and cannot speak for it or for the hub',
    async () => {
      const heard: string[] = [];
      const client = await broker.connect(t, broker.identity('r1'), { clientId: 'r1-other' });
      client.on('message', (topic) => heard.push(topic));
      for (const topic of ['desired', 'part', 'reported', 'chunk'] as const) {
        await client.subscribeAsync(fleetTopic('r2', topic), { qos: 1 }).catch(() => undefined);
      }
      const watcher = await broker.connect(t, broker.identity('hub'), { clientId: 'watcher' });
      const forged: string[] = [];
      watcher.on('message', (topic, payload) => {
        if (payload.toString() === 'forged') forged.push(topic);
      });
      for (const topic of ['reported', 'chunk', 'want'] as const) {
        await watcher.subscribeAsync(fleetTopic('+', topic), { qos: 1 });
      }
      for (const topic of ['reported', 'chunk', 'desired', 'part'] as const) {
        await client
          .publishAsync(fleetTopic('r2', topic), 'forged', { qos: 1 })
          .catch(() => undefined);
        await client
          .publishAsync(fleetTopic('r1', topic === 'reported' ? 'desired' : 'part'), 'forged', {
            qos: 1,
          })
          .catch(() => undefined);
      }
      robots[1]?.report();
      await sleep(500);
      assert.deepEqual([heard, forged], [[], []]);
    },
  );

  await t.test('the hub sees no prediction and no command', async () => {
    const spy = await broker.connect(t, broker.identity('hub'), { clientId: 'spy' });
    for (const topic of ['headland/r1/prediction', 'headland/r1/cmd/retrain', 'headland/#']) {
      const granted = await spy.subscribeAsync(topic, { qos: 1 }).catch(() => null);
      const heard: string[] = [];
      spy.on('message', (on) => heard.push(on));
      const robot = await broker.connect(t, broker.identity('r1'), { clientId: 'r1-again' });
      await robot.publishAsync('headland/r1/prediction', '{}', { qos: 1 });
      await sleep(200);
      assert.deepEqual(
        heard.filter((on) => on.endsWith('prediction')),
        [],
        `${topic} ${JSON.stringify(granted)}`,
      );
      await robot.endAsync();
    }
  });
});

test('compose starts the broker and the hub from the same files', () => {
  const { services } = composeSchema.parse(parse(readFileSync(join(YARD, 'compose.yaml'), 'utf8')));
  assert.deepEqual(Object.keys(services), ['broker', 'hub']);
  assert.deepEqual(services.hub?.command.slice(0, 2), ['fleet', 'serve']);
  const mounted = Object.values(services).flatMap(({ volumes }) =>
    volumes.map((v) => v.split(':')[0]),
  );
  assert.ok(mounted.includes('../../mosquitto/headland.conf'));
  assert.ok(mounted.includes('./hub.yaml'));
  readFileSync(join(YARD, '../../mosquitto/headland.conf'));
});
