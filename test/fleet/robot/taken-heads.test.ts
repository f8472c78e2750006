import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { DesiredTask } from '../../../src/fleet/contract/desired.js';
import { encodeHead } from '../../../src/head/codec.js';
import { FEATURES } from '../../agent/support.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { someHead } from '../../training/fixture.js';
import { type FleetRig, startFleet } from './fleet-robot.js';
import { type HubStandIn, withOtherPayload } from './hub-stand-in.js';

const options = { skip: withoutMosquitto, timeout: TEST_HANG_MS };

/** A head of the fleet that knows some labels. */
function fleetHead(
  hub: HubStandIn,
  backbone: string,
  version: number,
  change: Partial<NonNullable<DesiredTask['head']>> = {},
): NonNullable<DesiredTask['head']> {
  const head = { ...someHead(version, ['crop', 'stone', 'weed']), backboneChecksum: backbone };
  return {
    fleet_version: version,
    head: hub.offer('head', encodeHead(head)),
    prior: null,
    round: 0,
    lambda_index: 0,
    scale: 1,
    samples: 100 * version,
    roll_back: false,
    ...change,
  };
}

async function served({ robot, hub }: FleetRig, version: number): Promise<number> {
  const { tasks } = await hub.reported(
    (task) => task.head?.fleet_version === version && task.head.state === 'serving',
  );
  const local = tasks[0]!.head!.local_version;
  assert.equal(robot.agent.tasks[0].heads.serving?.card.version, local);
  assert.equal(robot.agent.tasks[0].heads.serving?.card.fleet?.version, version);
  return local!;
}

test(
  'a robot without labels takes heads of the fleet as they are, and an earlier one again',
  options,
  async (t) => {
    const rig = await startFleet(t);
    const { hub, backbone, robot } = rig;
    const first = fleetHead(hub, backbone, 1);
    await hub.want({ head: first });
    assert.equal(await served(rig, 1), 1);
    await hub.want({ head: fleetHead(hub, backbone, 2) });
    assert.equal(await served(rig, 2), 2);
    // Before the wish: the report may come before the broker has acknowledged it.
    const earlier = hub.reports.next(({ tasks }) => tasks[0]?.serving?.fleet_version === 1);
    await hub.want({ head: { ...first, roll_back: true } });
    const back = await earlier;
    assert.deepEqual(
      [back.tasks[0]!.serving?.local_version, back.tasks[0]!.head?.state],
      [1, 'serving'],
    );
    const { switches } = await robot.agent.tasks[0].state.heads.history();
    assert.deepEqual(
      switches.map(({ event, by }) => `${event} by ${by}`).at(-1),
      'rolled-back by fleet',
    );
    const reports = robot.agent.tasks[0].training.reports(10);
    assert.deepEqual(
      reports.map(({ trigger, outcome }) => `${trigger} ${outcome}`),
      ['fleet promoted', 'fleet promoted'],
    );
    const events = robot.lines.all.filter(({ msg }) => /fleet/.test(msg) && msg.includes('chunk'));
    assert.deepEqual(events, []);
  },
);

async function taken(t: TestContext, tamper: (rig: FleetRig) => void): Promise<FleetRig> {
  const rig = await startFleet(t);
  tamper(rig);
  await rig.hub.want({ head: fleetHead(rig.hub, rig.backbone, 7) });
  await served(rig, 7);
  return rig;
}

test('chunks of the hub may come twice and in any order', options, async (t) => {
  await taken(t, ({ hub }) => {
    hub.tamper = (chunks) => [...chunks, ...chunks].reverse();
  });
});

test('a damaged object is told, and asked for again', options, async (t) => {
  let answers = 0;
  const { hub } = await taken(t, (rig) => {
    rig.hub.tamper = (chunks) => {
      answers += 1;
      if (answers > 1) return chunks;
      return chunks.map((chunk, i) => (i === 0 ? withOtherPayload(chunk) : chunk));
    };
  });
  const told = hub.reports.all.flatMap(({ tasks }) => tasks[0]?.problem?.code ?? []);
  assert.ok(told.includes('HL_FLEET_OBJECT_DAMAGED'), told.join(' '));
  assert.ok(hub.wants.length >= 2);
});

test('a chunk that is none is told, and asked for again', options, async (t) => {
  let answers = 0;
  const { hub } = await taken(t, (rig) => {
    rig.hub.tamper = (chunks) => {
      answers += 1;
      return answers > 1 ? chunks : chunks.map(() => Buffer.from('nonsense'));
    };
  });
  const told = hub.reports.all.flatMap(({ tasks }) => tasks[0]?.problem?.code ?? []);
  assert.ok(told.includes('HL_FLEET_CHUNK_INVALID'), told.join(' '));
});

test(
  'a robot that does not follow, that is pinned or that the hub leaves alone keeps its head',
  options,
  async (t) => {
    const rig = await startFleet(t, { follow: false });
    const { hub, backbone, robot } = rig;
    await hub.want({ head: fleetHead(hub, backbone, 1) });
    const { tasks } = await hub.reported((task) => task.head?.state === 'held');
    assert.match(tasks[0]!.head!.reason!, /fleet\.follow/);
    assert.equal(robot.agent.tasks[0].heads.serving, null);
  },
);

test('a head on another backbone is none for this robot', options, async (t) => {
  const { hub, robot } = await startFleet(t);
  await hub.want({ backbone: 'b'.repeat(64), moment_wanted: true });
  await hub.reported((task) => task.problem?.code === 'HL_FLEET_OTHER_BACKBONE');
  assert.equal(robot.agent.tasks[0].heads.serving, null);
  assert.equal(hub.objects.all.length, 0);
  assert.ok(FEATURES > 0);
});
