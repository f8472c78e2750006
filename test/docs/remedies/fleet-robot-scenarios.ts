import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { connectAsync } from 'mqtt';
import { fleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { encodeHead } from '../../../src/head/codec.js';
import { until } from '../../fleet/hub-fixture.js';
import { type FleetRig, startFleet, teachFeatures } from '../../fleet/robot/fleet-robot.js';
import { withOtherPayload } from '../../fleet/robot/hub-stand-in.js';
import { someHead } from '../../training/fixture.js';
import type { Said, Situation } from './scenario.js';

/** What a robot has with the hub of its fleet: provokes, hands what was said to `heard`, and follows. */
export interface FleetRobotScenario extends Situation {
  run(t: TestContext, heard: (said: Said) => void): Promise<void>;
}

const IDENTITY = { checksum: 'identity', offer: null, directions: 24 } as const;
const LABELS = ['crop', 'stone', 'weed'];

/** The problem of the robot, as its status tells it. */
async function problemOf({ robot }: FleetRig, code: string): Promise<Said> {
  let said: Said | null = null;
  await until(`the robot has ${code}`, () => {
    const problem = robot.agent.fleet!.status().tasks[0]!.problem;
    if (problem?.code === code) said = problem;
    return said !== null;
  });
  return said!;
}

/** A problem that may have gone when one looks: what the robot reported to the hub, without a remedy. */
async function reportedProblem({ hub }: FleetRig, code: string): Promise<Said> {
  const { tasks } = await hub.reported(({ problem }) => problem?.code === code);
  return { ...tasks[0]!.problem!, remedy: null };
}

function isWell({ robot }: FleetRig): Promise<void> {
  return until(
    'the robot has no problem',
    () => robot.agent.fleet!.status().tasks[0]!.problem === null,
  );
}

async function offerHead({ hub, backbone }: FleetRig, labels: readonly string[]): Promise<void> {
  const head = { ...someHead(1, [...labels]), backboneChecksum: backbone };
  await hub.want({
    head: {
      fleet_version: 1,
      head: hub.offer('head', encodeHead(head)),
      prior: null,
      round: 0,
      lambda_index: 0,
      scale: 1,
      samples: 100,
      roll_back: false,
    },
  });
}

const served = ({ hub }: FleetRig) => hub.reported(({ head }) => head?.state === 'serving');

async function sendsSums({ hub, samples, backbone }: FleetRig, count = 20): Promise<void> {
  teachFeatures(samples, backbone, { labels: LABELS, count });
  await hub.want({ basis: IDENTITY });
}

/** The same robot with other settings. */
async function again(
  t: TestContext,
  before: FleetRig,
  fleet: Record<string, unknown>,
): Promise<FleetRig> {
  await before.robot.stop();
  return startFleet(t, fleet, { dir: before.robot.dir });
}

/** Damages what the hub answers first. */
function damaged(situation: Situation, damage: (chunk: Buffer) => Buffer): FleetRobotScenario {
  return {
    ...situation,
    run: async (t, heard) => {
      const rig = await startFleet(t);
      let answers = 0;
      rig.hub.tamper = (chunks) => {
        answers += 1;
        return answers > 1 ? chunks : chunks.map(damage);
      };
      await offerHead(rig, LABELS);
      heard(await reportedProblem(rig, situation.code));
      await served(rig);
      await isWell(rig);
    },
  };
}

/** Process ids of the fleet work that this process has begun. */
function fleetJobs(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        const isOurs = parent === String(process.pid);
        return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fleet');
      } catch {
        // It has ended meanwhile.
        return false;
      }
    })
    .map(Number);
}

export const fleetRobotScenarios: FleetRobotScenario[] = [
  damaged(
    { code: 'HL_FLEET_OBJECT_DAMAGED', follows: 'the robot asks the hub for it again' },
    withOtherPayload,
  ),
  damaged({ code: 'HL_FLEET_CHUNK_INVALID', follows: 'The robot asks for the chunk again' }, () =>
    Buffer.from('nonsense'),
  ),
  {
    code: 'HL_FLEET_MESSAGE_INVALID',
    follows: 'Use the same version of headland on the robots and on the hub',
    run: async (t, heard) => {
      const rig = await startFleet(t);
      const hub = await connectAsync(rig.broker.url);
      t.after(() => hub.endAsync(true));
      const future = { schema: 'fleet/desired/9' };
      await hub.publishAsync(fleetTopic('r1', 'desired'), JSON.stringify(future), { qos: 1 });
      const line = await rig.robot.lines.until(
        ({ code }) => code === 'HL_FLEET_MESSAGE_INVALID',
        'a line of the log',
      );
      heard({ code: 'HL_FLEET_MESSAGE_INVALID', message: line.msg, remedy: null });
      await offerHead(rig, LABELS);
      await served(rig);
    },
  },
  {
    code: 'HL_FLEET_OTHER_BACKBONE',
    follows: 'as on the other robots',
    run: async (t, heard) => {
      const rig = await startFleet(t);
      teachFeatures(rig.samples, rig.backbone, { labels: LABELS, count: 20 });
      await rig.hub.want({ backbone: 'b'.repeat(64), basis: IDENTITY });
      heard(await problemOf(rig, 'HL_FLEET_OTHER_BACKBONE'));
      await rig.hub.want({ backbone: rig.backbone });
      await rig.hub.objects.until(() => true, 'sums');
      await isWell(rig);
    },
  },
  {
    code: 'HL_FLEET_REFUSED_BY_HUB',
    follows: 'use the same backbone and version on all robots',
    run: async (t, heard) => {
      const rig = await startFleet(t);
      await sendsSums(rig);
      const { header } = await rig.hub.objects.until(() => true, 'sums');
      const { object } = header;
      const refused = { object, code: 'HL_FLEET_OBJECT_INVALID', message: 'of a later version' };
      await rig.hub.want({ refused });
      heard(await problemOf(rig, 'HL_FLEET_REFUSED_BY_HUB'));
      const sums_accepted = { epoch: header.epoch!, version: header.version! };
      await rig.hub.want({ refused: null, sums_accepted });
      await isWell(rig);
    },
  },
  {
    code: 'HL_FLEET_PRIVACY_USED_UP',
    follows: 'Raise fleet.privacy.releases',
    run: async (t, heard) => {
      const rig = await startFleet(t, { privacy: { epsilon: 5, releases: 1 } });
      await sendsSums(rig, 400);
      await rig.hub.objects.until(() => true, 'sums');
      teachFeatures(rig.samples, rig.backbone, { labels: ['weed'], count: 5, seed: 2 });
      heard(await problemOf(rig, 'HL_FLEET_PRIVACY_USED_UP'));
      const more = await again(t, rig, { privacy: { epsilon: 5, releases: 2 } });
      teachFeatures(more.samples, more.backbone, { labels: ['weed'], count: 5, seed: 3 });
      await more.hub.want({ basis: IDENTITY });
      await more.hub.objects.until(({ header }) => header.version === 2, 'other sums');
    },
  },
  {
    code: 'HL_FLEET_OBJECT_TOO_LARGE',
    when: 'on a robot',
    follows: 'raise fleet.maxObjectBytes',
    run: async (t, heard) => {
      const labels = Array.from({ length: 800 }, (_, at) => `plant ${1_000 + at}`);
      const rig = await startFleet(t, { maxObjectBytes: 65_536 });
      await offerHead(rig, labels);
      heard(await problemOf(rig, 'HL_FLEET_OBJECT_TOO_LARGE'));
      const more = await again(t, rig, { maxObjectBytes: 10_000_000 });
      await offerHead(more, labels);
      await served(more);
      await isWell(more);
    },
  },
  {
    code: 'HL_FLEET_OBJECT_NOT_QUEUED',
    follows: 'Raise mqtt.outboxClasses.fleet.maxBytes',
    run: async (t, heard) => {
      const mqtt = { outboxClasses: { fleet: { maxBytes: 4_096 } } };
      const rig = await startFleet(t, {}, { mqtt });
      await sendsSums(rig);
      heard(await problemOf(rig, 'HL_FLEET_OBJECT_NOT_QUEUED'));
      const more = await again(t, rig, {});
      await more.hub.want({ basis: IDENTITY });
      await more.hub.objects.until(() => true, 'sums');
      await isWell(more);
    },
  },
  {
    code: 'HL_FLEET_WORK_FAILED',
    follows: 'the robot tries again by itself',
    run: async (t, heard) => {
      const rig = await startFleet(t);
      const isKilled = until('its work is killed', () => {
        const [job] = fleetJobs();
        if (job !== undefined) process.kill(job, 'SIGKILL');
        return job !== undefined;
      });
      await sendsSums(rig);
      await isKilled;
      heard(await problemOf(rig, 'HL_FLEET_WORK_FAILED'));
      // Another label, so that it does not wait a minute.
      teachFeatures(rig.samples, rig.backbone, { labels: ['weed'], count: 1, seed: 2 });
      await rig.hub.objects.until(() => true, 'sums');
      await isWell(rig);
    },
  },
];
