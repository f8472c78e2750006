import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../../src/base/random.js';
import { encodeHead } from '../../../src/head/codec.js';
import { decodeSums } from '../../../src/head/sums/task-sums.js';
import { Rig } from '../../agent/daemon.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { someHead } from '../../training/fixture.js';
import { teachFeatures } from './fleet-robot.js';
import { HubStandIn } from './hub-stand-in.js';

const KILLS = 6;
const LONGEST_LIFE_MS = 1_800;

test('a robot that is killed again and again shares its sums and takes a head', {
  skip: withoutMosquitto,
  timeout: 180_000,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const rig = await Rig.create(t, {
    mqtt: { url: broker.url, backoffInitialMs: 50 },
    fleet: { enabled: true, intervalMs: 1_000 },
    training: { everyNewLabels: 0, instant: false, minLabels: 10_000 },
    samples: { askMaxWaiting: 0, askIntervalMs: 0 },
    console: { enabled: false },
  });
  const listener = await HubStandIn.connect(t, broker.url, 'unknown');
  const first = await rig.start();
  const { tasks } = await listener.reports.until(() => true, 'a report');
  const backbone = tasks[0]!.backbone.checksum;
  listener.close();
  await first.stop('SIGKILL');
  const hub = await HubStandIn.connect(t, broker.url, backbone);
  const samples = rig.openSamples(t);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  const head = { ...someHead(1, ['crop', 'weed']), backboneChecksum: backbone };
  await hub.want({
    basis: { checksum: 'identity', offer: null, directions: 24 },
    head: {
      fleet_version: 4,
      head: hub.offer('head', encodeHead(head)),
      prior: null,
      round: 0,
      lambda_index: 0,
      scale: 1,
      samples: 40,
      roll_back: false,
    },
  });
  const random = createRandom(3);
  for (let kill = 0; kill < KILLS; kill++) {
    const daemon = await rig.start();
    await sleep(random.uniform(50, LONGEST_LIFE_MS));
    await daemon.stop('SIGKILL');
    teachFeatures(samples, backbone, { labels: ['weed'], count: 2, seed: 100 + kill });
  }
  // Enough of both classes for another version of each.
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20, seed: 200 });
  const last = await rig.start();
  const training = samples.list({ labelled: true, limit: 1_000 }).filter(({ holdout }) => !holdout);
  const isComplete = (bytes: Uint8Array): boolean =>
    decodeSums(bytes).classes.reduce((sum, { sums }) => sum + sums.samples, 0) === training.length;
  const { header } = await hub.objects.until(({ bytes }) => isComplete(bytes), 'the last sums');
  await hub.reported((task) => task.sums?.object === header.object);
  await hub.reported((task) => task.head?.fleet_version === 4 && task.head.state === 'serving');
  const numbers = hub.reports.all.map(({ number }) => number);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  const versions = new Map<number, string>();
  for (const { header: each } of hub.objects.all) {
    const before = versions.get(each.version!);
    assert.ok(before === undefined || before === each.object, 'one version, two contents');
    versions.set(each.version!, each.object);
  }
  assert.equal(new Set(hub.objects.all.map((each) => each.header.epoch)).size, 1);
  await last.stop();
});
