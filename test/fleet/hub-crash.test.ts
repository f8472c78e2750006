import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../src/base/random.js';
import { readMerged, recompute } from '../../src/fleet/hub/lead/exact-merge.js';
import { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { identityBasis } from '../../src/head/sums/basis.js';
import { flatten } from '../../src/head/sums/class-sums.js';
import { ExactSums } from '../../src/head/sums/exact-sums.js';
import { decodeSums } from '../../src/head/sums/task-sums.js';
import { openDatabase } from '../../src/storage/database.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { HubChild } from './hub-child.js';
import { until } from './hub-fixture.js';
import { placeData } from './places.js';
import { Postgres, withoutPostgres } from './postgres.js';
import { RobotStandIn } from './stand-in.js';

const SIZE = 12;

function settings(url: string, store: string, replica: string): object {
  return {
    store,
    replica,
    mqtt: { url },
    http: { port: 0 },
    learning: {
      basisDirections: 'all',
      roundIntervalMs: 1_000,
      settleMs: 200,
      roundTimeoutMs: 3_000,
    },
    rollout: { stageMs: 0 },
    tickMs: 50,
    log: { format: 'json' },
  };
}

function robotAt(url: string, robot: string, labels: readonly string[]): RobotStandIn {
  return new RobotStandIn({
    robot,
    url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: SIZE,
    data: placeData(robot, labels, 6, SIZE),
    chunkBytes: 700,
  });
}

/** What the hub has merged is exactly what the robots sent last. */
async function assertComplete(store: HubStore, robots: readonly RobotStandIn[]): Promise<void> {
  const wanted = new Map<string, ExactSums>();
  for (const robot of robots) {
    for (const { label, sums } of decodeSums(robot.encodedSums(identityBasis(SIZE))).classes) {
      const flat = flatten(sums);
      const merged = wanted.get(label) ?? new ExactSums(flat.length);
      wanted.set(label, merged);
      merged.add(flat);
    }
  }
  const { merged, again } = await store.transaction(async (tables) => {
    const [scope] = await tables.scopes.list();
    return {
      merged: await readMerged(tables, scope!.id, SIZE),
      again: await recompute(tables, scope!.id, 1),
    };
  });
  assert.deepEqual(again.differing, []);
  assert.deepEqual(
    merged.map(({ label }) => label),
    [...wanted.keys()].sort(),
  );
  for (const { label, merged: found } of merged) {
    assert.deepEqual(found.sums.coarse, wanted.get(label)!.coarse);
    assert.deepEqual(found.sums.fine, wanted.get(label)!.fine);
  }
}

test('a hub that is killed again and again loses nothing', {
  skip: withoutMosquitto,
}, async (t) => {
  // The queue of the broker is not what is tested.
  const broker = await Mosquitto.start(t, ['max_queued_bytes 0']);
  const path = join(temporaryFolder(t), 'hub.sqlite');
  const child = new HubChild(settings(broker.url, `sqlite:${path}`, 'only'));
  t.after(() => child.stop());
  const random = createRandom(7);
  const robots = ['r0', 'r1', 'r2', 'r3'].map((name) => robotAt(broker.url, name, ['a', 'b', 'c']));
  t.after(() => Promise.all(robots.map((robot) => robot.stop())));
  await child.up();
  await Promise.all(robots.map((robot) => robot.start()));
  await until('first sums are here', () => robots.every(({ task }) => task?.sums_accepted != null));
  for (let kill = 0; kill < 8; kill++) {
    for (const robot of robots)
      robot.learn(placeData(`${robot.robot}-${kill}`, ['a', 'b'], 3, SIZE));
    await sleep(random.int(250));
    await child.kill();
    await child.up();
  }
  // What has reached the hub and is not stored: another process keeps the file locked.
  const other = openDatabase(path);
  other.exec('BEGIN IMMEDIATE');
  for (const robot of robots) robot.learn(placeData(`${robot.robot}-locked`, ['b'], 3, SIZE));
  await sleep(1_500);
  await child.kill();
  other.exec('ROLLBACK');
  other.close();
  await child.up();
  await until('the newest sums are here', () =>
    robots.every((robot) => robot.task?.sums_accepted?.version === robot.sentVersion),
  );
  await until('all serve the same head', () => {
    const versions = new Set(robots.map((robot) => robot.servingVersion));
    return versions.size === 1 && !versions.has(null);
  });
  assert.equal(await child.kill('SIGTERM'), 0);
  const store = await HubStore.open({ sqlite: path });
  t.after(() => store.close());
  await assertComplete(store, robots);
  assert.deepEqual(
    robots.flatMap(({ faults }) => faults),
    [],
  );
});

test('of two hubs on one PostgreSQL one leads, and the other follows within 10 s', {
  skip: withoutMosquitto || withoutPostgres,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const postgres = await Postgres.start(t);
  const store = await HubStore.open({ postgres: postgres.url, password: null });
  t.after(() => store.close());
  const hubs = new Map(
    ['one', 'two'].map((name) => [name, new HubChild(settings(broker.url, postgres.url, name))]),
  );
  t.after(() => Promise.all([...hubs.values()].map((hub) => hub.stop())));
  await Promise.all([...hubs.values()].map((hub) => hub.up()));
  const robots = ['r0', 'r1', 'r2'].map((name) => robotAt(broker.url, name, ['a', 'b']));
  t.after(() => Promise.all(robots.map((robot) => robot.stop())));
  await Promise.all(robots.map((robot) => robot.start()));
  await until('all serve', () => robots.every(({ servingVersion }) => servingVersion !== null));
  const leader = (await store.leader())!;
  const killedAtMs = performance.now();
  await hubs.get(leader)!.kill();
  await until('the other one leads', async () => (await store.leader()) !== leader, 10_000);
  t.diagnostic(`another hub leads after ${Math.round(performance.now() - killedAtMs)} ms`);
  const before = robots.map(({ servingVersion }) => servingVersion!);
  // The session of the killed hub takes its share of the messages until it is back, or expires.
  await hubs.get(leader)!.up();
  for (const robot of robots)
    robot.learn(placeData(`${robot.robot}-later`, ['a', 'b', 'c'], 4, SIZE));
  await until('a head with the new class', () =>
    robots.every(
      (robot, i) => robot.servingVersion! > before[i]! && robot.head!.labels.length === 3,
    ),
  );
  await postgres.kill();
  for (const robot of robots) robot.learn(placeData(`${robot.robot}-last`, ['a', 'd'], 4, SIZE));
  await sleep(1_000);
  // What they hold and could not store, the broker sends again.
  await Promise.all([...hubs.values()].map((hub) => hub.kill()));
  await postgres.up();
  await Promise.all([...hubs.values()].map((hub) => hub.up()));
  await until('the newest sums are here', () =>
    robots.every((robot) => robot.task?.sums_accepted?.version === robot.sentVersion),
  );
  await until('all are merged', async () =>
    store
      .transaction(async ({ contributions, scopes }) => {
        const [scope] = await scopes.list();
        return (await contributions.pending(scope!.id, 10)).length === 0;
      })
      .catch(() => false),
  );
  await assertComplete(store, robots);
});
