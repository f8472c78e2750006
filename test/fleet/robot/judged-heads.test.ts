import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { type FleetRig, startFleet, teachFeatures } from './fleet-robot.js';
import { offerHead, otherSums } from './other-robots.js';

const options = { skip: withoutMosquitto, timeout: TEST_HANG_MS };
const IDENTITY = { checksum: 'identity', offer: null, directions: 24 } as const;
const SETTINGS = {
  training: {
    everyNewLabels: 0,
    instant: false,
    learners: ['ridge'],
    nice: 0,
    minLabels: 12,
  },
};

/** A robot that has trained a head on two classes of its own. */
async function trainedRobot(
  t: Parameters<typeof startFleet>[0],
  fleet: Record<string, unknown> = {},
): Promise<FleetRig> {
  const rig = await startFleet(t, fleet, { settings: SETTINGS });
  teachFeatures(rig.samples, rig.backbone, { labels: ['crop', 'weed'], count: 20 });
  const { training } = rig.robot.agent.tasks[0];
  await training.start('cli');
  await rig.hub.reported((task) => task.serving?.local_version === 1);
  return rig;
}

test('a robot learns the classes of others, and its gate decides', options, async (t) => {
  const rig = await trainedRobot(t);
  const { hub, backbone, robot } = rig;
  const head = offerHead(hub, backbone, 5, otherSums(['crop', 'stone', 'weed'], 60));
  await hub.want({ basis: IDENTITY, head });
  const { tasks } = await hub.reported(
    (task) => task.head?.state !== undefined && task.serving?.fleet_version === 5,
  );
  assert.equal(tasks[0]!.serving!.local_version, 2);
  const serving = robot.agent.tasks[0].heads.serving!;
  assert.deepEqual(serving.head.labels, ['crop', 'stone', 'weed']);
  assert.deepEqual(serving.card.fleet, { version: 5, object: head.head.object, samples: 180 });
  assert.equal(serving.card.trigger, 'fleet');
  const record = await robot.agent.tasks[0].state.heads.gateRecord(2);
  assert.equal(record!.decision.promote, true);
  assert.equal(record!.input.newlyLearnt, 180);
  assert.equal(record!.input.champion?.version, 1);

  // A training of the robot alone would forget the stones.
  teachFeatures(rig.samples, backbone, { labels: ['crop', 'weed'], count: 12, seed: 5 });
  await robot.agent.tasks[0].training.start('cli');
  const report = await new Promise<{ result: { version: number } | null }>((resolve) => {
    robot.agent.once('trainingReport', resolve);
  });
  const { card, head: again } = await robot.agent.tasks[0].state.heads.load(report.result!.version);
  assert.deepEqual(again.labels, ['crop', 'stone', 'weed']);
  assert.equal(card.fleet?.version, 5);
});

test(
  'the gate of a robot refuses a head that is worse here, and the robot says why',
  options,
  async (t) => {
    const { hub, backbone, robot } = await trainedRobot(t, { blend: false });
    const other = { crop: 'weed', weed: 'crop' } as Record<string, string>;
    const wrong = otherSums(['crop', 'weed'], 60, (label) => other[label]!);
    await hub.want({ basis: IDENTITY, head: offerHead(hub, backbone, 6, wrong) });
    const { tasks } = await hub.reported((task) => task.head?.state === 'refused');
    assert.ok((tasks[0]!.head!.reason ?? '').length > 10);
    assert.deepEqual(tasks[0]!.serving, {
      ...tasks[0]!.serving,
      local_version: 1,
      fleet_version: null,
    });
    assert.equal(robot.agent.tasks[0].heads.serving?.card.version, 1);
  },
);

test('a robot keeps its own words for classes of the fleet', options, async (t) => {
  const rig = await trainedRobot(t);
  const { hub, backbone, robot } = rig;
  const head = offerHead(
    hub,
    backbone,
    7,
    otherSums(['culture', 'stone'], 60, (label) => (label === 'culture' ? 'crop' : label)),
  );
  await hub.want({ basis: IDENTITY, head, aliases: [{ label: 'crop', instead: 'culture' }] });
  await hub.reported((task) => task.serving?.fleet_version === 7);
  assert.deepEqual(robot.agent.tasks[0].heads.serving!.head.labels, ['crop', 'stone', 'weed']);
});

test('a pinned head stays until the pin ends', options, async (t) => {
  const { hub, backbone, robot } = await trainedRobot(t);
  const { heads } = robot.agent.tasks[0];
  await heads.pin(1, 'cli');
  const head = offerHead(hub, backbone, 8, otherSums(['crop', 'stone', 'weed'], 60));
  await hub.want({ basis: IDENTITY, head });
  const { tasks } = await hub.reported((task) => task.head?.state === 'held');
  assert.match(tasks[0]!.head!.reason!, /head 1 is pinned/);
  await heads.pin(null, 'cli');
  await hub.reported((task) => task.serving?.fleet_version === 8);
});
