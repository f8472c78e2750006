import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { NewPerson, RobotDetail } from '../../../src/fleet/contract/hub-api.js';
import { HubStore } from '../../../src/fleet/hub/store/hub-store.js';
import { CLI } from '../../agent/daemon.js';
import { HubChild } from '../../fleet/hub-child.js';
import { until } from '../../fleet/hub-fixture.js';
import { placeData } from '../../fleet/places.js';
import { RobotStandIn, type StandInOptions } from '../../fleet/stand-in.js';
import { Mosquitto } from '../../telemetry/mosquitto.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { type Said, saidIn } from './scenario.js';

const SIZE = 8;
export const TASK = ['--task', 'weeds'];

interface Ran {
  status: number | null;
  output: string;
}

type Settings = Record<string, unknown>;

/** A hub in a process of its own, its broker, and a robot "a" that serves version 1 of its head. */
export class FleetYard {
  readonly #child: HubChild;
  #url = '';
  #token = '';

  private constructor(
    readonly t: TestContext,
    readonly folder: string,
    readonly broker: Mosquitto,
    readonly settings: Settings,
  ) {
    this.#child = new HubChild(settings);
    t.after(() => this.#child.stop());
  }

  static async open(t: TestContext): Promise<FleetYard> {
    const broker = await Mosquitto.start(t);
    const folder = temporaryFolder(t);
    const yard = new FleetYard(t, folder, broker, {
      store: `sqlite:${join(folder, 'hub.sqlite')}`,
      mqtt: { url: broker.url },
      http: { port: 0 },
      learning: {
        basisDirections: 'all',
        roundIntervalMs: 1_000,
        settleMs: 200,
        roundTimeoutMs: 2_000,
      },
      rollout: { stageMs: 0 },
      tickMs: 50,
      log: { format: 'json' },
    });
    await yard.up();
    yard.#token = await yard.person('Otto', 'operate');
    const robot = await yard.robot('a');
    await until('it serves', () => robot.servingVersion !== null);
    return yard;
  }

  get url(): string {
    return this.#url;
  }

  /** Options of a command that works on the store. */
  get direct(): string[] {
    return ['--config', this.#child.config];
  }

  /** Options of a command that asks the hub, with the token of an operator. */
  get remote(): string[] {
    return ['--url', this.#url, '--token-file', this.file('otto', this.#token)];
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  configuration(name: string, change: Settings): string {
    return this.file(name, JSON.stringify({ ...this.settings, ...change }));
  }

  async up(): Promise<void> {
    this.#url = await this.#child.up();
  }

  async down(): Promise<void> {
    await this.#child.kill('SIGTERM');
  }

  /** Starts the hub again with other settings. */
  async restart(change: Settings): Promise<void> {
    await this.down();
    writeFileSync(this.#child.config, JSON.stringify({ ...this.settings, ...change }));
    await this.up();
  }

  /** Runs `headland fleet`. */
  fleet(...words: string[]): Promise<Ran> {
    const environment = { ...process.env };
    delete environment.HEADLAND_FLEET_TOKEN;
    return new Promise((resolve) => {
      const options = { env: environment, timeout: 60_000 };
      execFile(process.execPath, [CLI, 'fleet', ...words], options, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, output: stdout + stderr });
      });
    });
  }

  /** What a command says that fails. */
  async failed(code: string, ...words: string[]): Promise<Said> {
    const { status, output } = await this.fleet(...words);
    assert.notEqual(status, 0, output);
    const said = saidIn(output, code);
    assert.ok(said, `${code} is not in: ${output}`);
    assert.ok(said.remedy !== null, output);
    return said;
  }

  async must(...words: string[]): Promise<string> {
    const { status, output } = await this.fleet(...words);
    assert.equal(status, 0, output);
    return output;
  }

  /** @returns the token */
  async person(name: string, role: string): Promise<string> {
    const added = await this.must('people', 'add', name, '--role', role, ...this.direct, '--json');
    return (JSON.parse(added) as NewPerson).token;
  }

  async get<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${this.#token}` };
    return (await (await fetch(new URL(path, this.#url), { headers })).json()) as T;
  }

  /** A robot that sends sums. @param labels default: those of robot a */
  async robot(
    robot: string,
    labels: readonly string[] = ['maize', 'dock'],
    more: Partial<StandInOptions> = {},
  ): Promise<RobotStandIn> {
    const made = new RobotStandIn({
      robot,
      url: this.broker.url,
      task: 'weeds',
      backbone: 'b1',
      featureSize: SIZE,
      data: placeData(robot, labels, 20, SIZE),
      ...more,
    });
    this.t.after(() => made.stop());
    await made.start();
    return made;
  }

  /** Lets a robot label more, so that it sends its sums again. */
  teach(robot: RobotStandIn, labels: readonly string[] = ['maize', 'dock']): void {
    robot.learn(placeData(`${robot.robot} ${robot.sentVersion}`, labels, 3, SIZE));
  }

  /** Why the hub did not take what a robot has sent; API and robot are told no remedy. */
  async refusal(robot: RobotStandIn, code: string): Promise<Said> {
    let said: Said | null = null;
    await until(`it is refused with ${code}`, async () => {
      const { tasks } = await this.get<Partial<RobotDetail>>(`/api/robots/${robot.robot}`);
      const refused = tasks?.[0]?.refused ?? null;
      if (refused?.code === code) said = { ...refused, remedy: null };
      return said !== null;
    });
    return said!;
  }

  /** The newest sums of a robot are taken. */
  accepted(robot: RobotStandIn): Promise<void> {
    return until('its sums are taken', async () => {
      const { tasks } = await this.get<Partial<RobotDetail>>(`/api/robots/${robot.robot}`);
      const isTaken = robot.task?.sums_accepted?.version === robot.sentVersion;
      return isTaken && tasks?.[0]?.refused === null;
    });
  }

  /** Works on the store beside the hub. */
  async store(work: (store: HubStore) => Promise<unknown>): Promise<void> {
    const store = await HubStore.open({ sqlite: join(this.folder, 'hub.sqlite') });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  }
}
