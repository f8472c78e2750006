import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type {
  AuditList,
  NewPerson,
  RobotDetail,
  TaskDetail,
} from '../../src/fleet/contract/hub-api.js';
import type { TaskSums } from '../../src/head/sums/task-sums.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { HubChild } from './hub-child.js';
import { until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/headland.js', import.meta.url));
const SIZE = 12;
const LABELS = ['maize', 'dock'];

type Damage = (sums: TaskSums) => void;

/** What a broken robot makes of its sums, one after the other. */
const DAMAGES: readonly Damage[] = [
  ({ classes }) => {
    classes[0]!.sums.sum[0] = Number.NaN;
  },
  ({ classes }) => {
    classes[0]!.sums.gram[0] = 1e30;
  },
  // More than features of length 1 can add up to.
  ({ classes }) => {
    classes[0]!.sums.sum[1] = 2 * classes[0]!.sums.samples;
  },
];

const otherBasis: Damage = (sums) => {
  sums.basisChecksum = 'f'.repeat(64);
};

/** A hub in a process of its own, with two robots that send what they should. */
class Yard {
  private constructor(
    private readonly t: TestContext,
    private readonly broker: string,
    private readonly child: HubChild,
    readonly url: string,
  ) {}

  static async open(t: TestContext): Promise<Yard> {
    const broker = await Mosquitto.start(t);
    const child = new HubChild({
      store: `sqlite:${join(temporaryFolder(t), 'hub.sqlite')}`,
      mqtt: { url: broker.url },
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
    });
    t.after(() => child.stop());
    const yard = new Yard(t, broker.url, child, await child.up());
    await yard.robot('a');
    await yard.robot('b');
    return yard;
  }

  /** Answers the output of `headland fleet`. */
  fleet(...words: string[]): string {
    const args = [PROGRAM, 'fleet', ...words, '--config', this.child.config, '--json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** @param damage what it makes of its sums now */
  async robot(robot: string, damage: () => Damage | null = () => null): Promise<RobotStandIn> {
    const made = new RobotStandIn({
      robot,
      url: this.broker,
      task: 'weeds',
      backbone: 'b1',
      featureSize: SIZE,
      data: placeData(robot, LABELS, 20, SIZE),
      distort: (sums) => {
        damage()?.(sums);
        return sums;
      },
    });
    this.t.after(() => made.stop());
    await made.start();
    return made;
  }

  #token: string | null = null;

  async get<T>(path: string): Promise<T> {
    this.#token ??= (
      JSON.parse(this.fleet('people', 'add', 'Vera', '--role', 'view')) as NewPerson
    ).token;
    const headers = { authorization: `Bearer ${this.#token}` };
    return (await (await fetch(new URL(path, this.url), { headers })).json()) as T;
  }

  detail(robot: string): Promise<RobotDetail> {
    return this.get<RobotDetail>(`/api/robots/${robot}`);
  }

  async merged(): Promise<number> {
    return (await this.get<TaskDetail>('/api/tasks/weeds/b1')).robots;
  }

  async refusals(robot: string): Promise<number> {
    const { entries } = await this.get<AuditList>(`/api/audit?robot=${robot}`);
    return entries.filter(({ action }) => action === 'refused').length;
  }

  /** Lets a robot label more and send its sums, which the hub refuses. */
  async refused(sender: RobotStandIn): Promise<void> {
    const before = await this.refusals(sender.robot);
    sender.learn(placeData(`${sender.robot}-${before}`, LABELS, 3, SIZE));
    await until('it is refused', async () => (await this.refusals(sender.robot)) === before + 1);
  }
}

test('the third impossible object within a day quarantines a robot until it is released', {
  skip: withoutMosquitto,
}, async (t) => {
  const yard = await Yard.open(t);
  let damage: Damage | null = null;
  const faulty = await yard.robot('faulty', () => damage);
  await until('three robots are merged', async () => (await yard.merged()) === 3);
  for (const [at, each] of DAMAGES.entries()) {
    assert.equal((await yard.detail('faulty')).quarantine, null, `after ${at} objects`);
    damage = each;
    await yard.refused(faulty);
  }
  const { quarantine, tasks, audit } = await yard.detail('faulty');
  assert.equal(quarantine?.state, 'quarantined');
  assert.equal(quarantine.by, 'hub');
  assert.match(quarantine.reason, /^3 objects within a day were refused for their content/);
  assert.equal(tasks[0]?.refused?.code, 'HL_FLEET_OBJECT_INVALID');
  assert.equal(audit.filter(({ action }) => action === 'quarantined').length, 1);
  await until('it is told', () => faulty.desired?.quarantined != null);
  // Its good sums of before count no more, either.
  await until('two robots are merged', async () => (await yard.merged()) === 2);
  const metrics = await (await fetch(new URL('/metrics', yard.url))).text();
  assert.match(metrics, /^headland_fleet_robots\{state="quarantined"\} 1$/m);
  assert.match(metrics, /refused_objects_total\{code="HL_FLEET_OBJECT_INVALID"\} 3$/m);

  yard.fleet('release', 'faulty');
  await until('its sums count again', async () => (await yard.merged()) === 3);
  // What came before the release does not count again.
  await yard.refused(faulty);
  assert.equal((await yard.detail('faulty')).quarantine, null);
  damage = null;
  faulty.learn(placeData('mended', LABELS, 3, SIZE));
  await until('it is mended', async () => {
    return (await yard.detail('faulty')).tasks[0]?.refused === null;
  });
});

test('objects in another basis quarantine nobody, and stay refused', {
  skip: withoutMosquitto,
}, async (t) => {
  const yard = await Yard.open(t);
  let damage: Damage = DAMAGES[0]!;
  const elsewhere = await yard.robot('elsewhere', () => damage);
  await until('it is refused', async () => (await yard.refusals('elsewhere')) === 1);
  damage = otherBasis;
  for (let more = 0; more < 3; more++) await yard.refused(elsewhere);
  // The second of its content: the others between them do not count.
  damage = DAMAGES[1]!;
  await yard.refused(elsewhere);
  assert.equal((await yard.detail('elsewhere')).quarantine, null);
  const last = (await yard.detail('elsewhere')).tasks[0]?.leftOut?.round ?? 0;
  // It judges as others do, and is still told that its sums are refused.
  yard.fleet('round', '--task', 'weeds');
  await until('its answers are taken', async () => {
    return ((await yard.detail('elsewhere')).tasks[0]?.leftOut?.round ?? 0) > last;
  });
  assert.equal((await yard.detail('elsewhere')).tasks[0]?.refused?.code, 'HL_FLEET_OBJECT_INVALID');
});
