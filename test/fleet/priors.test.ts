import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { ALL_TASKS, robotSubject } from '../../src/fleet/hub/store/tables/policy-rows.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';

const SIZE = 16;
const options = { skip: withoutMosquitto, timeout: TEST_HANG_MS };

/** A hub with room for one prior, and no stages. */
async function startNarrowHub(t: TestContext): Promise<{ url: string; store: HubStore }> {
  const broker = await Mosquitto.start(t);
  const config = hubConfig(broker.url, {
    limits: { maxPriorBytes: 1_024 },
    rollout: { stageMs: 0, stages: [1] },
  });
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store } = await startHub(t, place, config);
  return { url: broker.url, store };
}

async function startRobot(
  t: TestContext,
  url: string,
  robot: string,
  labels: readonly string[],
): Promise<RobotStandIn> {
  const data = placeData(robot, labels, 30, SIZE);
  const about = { task: 'weeds', backbone: 'b1', featureSize: SIZE };
  const standIn = new RobotStandIn({ robot, url, data, ...about });
  t.after(() => standIn.stop());
  await standIn.start();
  return standIn;
}

/** Robots that a prior is kept for. */
function priorsIn(store: HubStore): Promise<string[]> {
  return store.transaction(async ({ sql }) => {
    const rows = await sql.all<{ robot: string }>(
      "SELECT robot FROM objects WHERE kind = 'prior' ORDER BY robot",
    );
    return rows.map(({ robot }) => robot);
  });
}

test(
  'where there is room for one prior, robots get theirs one after the other',
  options,
  async (t) => {
    const { url, store } = await startNarrowHub(t);
    const names = ['a', 'b', 'c', 'd'];
    const robots: RobotStandIn[] = [];
    for (const name of names)
      robots.push(await startRobot(t, url, name, ['maize', `only-${name}`]));
    let most = 0;
    await until('all serve a head with all labels', async () => {
      most = Math.max(most, (await priorsIn(store)).length);
      return robots.every(({ head }) => head?.labels.length === 5);
    });
    assert.equal(most, 1);
    for (const [i, { prior, robot }] of robots.entries()) {
      const others = names.filter((name) => name !== robot).map((name) => `only-${name}`);
      assert.deepEqual(
        prior?.classes.map(({ label }) => label),
        ['maize', ...others],
        `the prior of ${names[i]}`,
      );
    }
    await until('no prior is kept for a robot that has decided', async () => {
      return (await priorsIn(store)).length === 0;
    });
  },
);

test(
  'a prior of a robot that is away makes room after its time, and comes again',
  options,
  async (t) => {
    const { url, store } = await startNarrowHub(t);
    const a = await startRobot(t, url, 'a', ['maize', 'dock']);
    await until('it serves', () => a.servingVersion !== null);
    await a.stop();
    const b = await startRobot(t, url, 'b', ['maize', 'thistle']);
    await until('the prior of the one that is away takes the room', async () => {
      return (await priorsIn(store)).join() === 'a';
    });
    assert.notEqual(b.head?.labels.length, 3);
    // Ten minutes pass.
    await store.transaction(({ sql }) =>
      sql.run("UPDATE objects SET at_ms = at_ms - 600001 WHERE kind = 'prior'"),
    );
    await until('the other one serves', () => b.head?.labels.length === 3);
    await a.start();
    await until('the first one serves too', () => a.head?.labels.length === 3);
    assert.deepEqual(
      a.prior?.classes.map(({ label }) => label),
      ['maize', 'thistle'],
    );
  },
);

test('a round does not wait for a robot that is paused', options, async (t) => {
  const broker = await Mosquitto.start(t);
  const learning = {
    basisDirections: 'all',
    roundIntervalMs: 1_000,
    settleMs: 200,
    roundTimeoutMs: 3_600_000,
  };
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  const { store } = await startHub(t, place, hubConfig(broker.url, { learning }));
  const a = await startRobot(t, broker.url, 'a', ['maize', 'dock']);
  const b = await startRobot(t, broker.url, 'b', ['maize', 'thistle']);
  await until('both serve', () => [a, b].every(({ head }) => head?.labels.length === 3));
  await store.transaction(async ({ policies, robots }) => {
    await policies.set({
      subject: robotSubject('b'),
      scope: ALL_TASKS,
      follow: 'paused',
      version: null,
    });
    await robots.touch('b');
  });
  await until('it is told', () => b.task?.follow === 'paused');
  a.learn(placeData('more', ['grass'], 30, SIZE));
  await until('the other has the next head', () => a.head?.labels.includes('grass') === true);
  assert.equal(b.head?.labels.includes('grass'), false);
});
