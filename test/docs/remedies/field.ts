import { execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { Rig } from '../../agent/daemon.js';
import { HANG_MS } from '../../liveness.js';

/** What `headland` on the path starts. `npm run build` makes its bundle. */
const PROGRAM = fileURLToPath(new URL('../../../src/cli/headland.js', import.meta.url));

export type Settings = { [name: string]: unknown };

/** What a command ended with, and all that a person sees of it. */
export interface Ran {
  status: number | null;
  /** Both streams, as they came. */
  output: string;
}

/** Runs a program of Node.js to its end. */
export function runProgram(
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>,
): Promise<Ran & { stdout: string; stderr: string }> {
  const child = spawn(process.execPath, args, {
    timeout: HANG_MS,
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { output: '', stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
      printed.output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...printed }));
  });
}

/** Makes a process one of a user without rights, where this one is of root, who may do everything. */
export const NOBODY: { uid?: number; gid?: number } =
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** For `skip`: false where a scenario may become another user. */
export const withoutRoot: string | false =
  process.getuid?.() === 0 ? false : 'needs root, to become another user';

/** For `skip`: false where a scenario may mount a file system. */
export const withoutMounts: string | false =
  spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'needs the right to mount';

/** One set of pictures and one backbone in a cache, for any number of robots. */
export class Field {
  #robots = 0;
  #labelled: Promise<Robot> | null = null;
  #trained: Promise<Robot> | null = null;

  private constructor(
    readonly rig: Rig,
    readonly base: Settings,
  ) {}

  static async create(t: Pick<TestContext, 'after'>): Promise<Field> {
    const rig = await Rig.create(t);
    for (const dir of [rig.dir, rig.cacheDir]) chmodSync(dir, 0o755);
    return new Field(rig, parse(readFileSync(rig.configFile, 'utf8')));
  }

  get photosDir(): string {
    return this.rig.photosDir;
  }

  /** A robot of its own, without samples. */
  robot(settings: Settings = {}): Robot {
    this.#robots += 1;
    const dir = join(this.rig.dir, `robot-${this.#robots}`);
    mkdirSync(dir);
    return new Robot(this, dir, merged(this.base, settings));
  }

  /** State with every picture as a labelled sample. */
  labelled(): Promise<Robot> {
    this.#labelled ??= (async () => {
      const robot = this.robot();
      await robot.must('import', this.photosDir, '--group-pattern', '_(\\d+)');
      return robot;
    })();
    return this.#labelled;
  }

  /** The same with a head that serves. */
  trained(): Promise<Robot> {
    this.#trained ??= (async () => {
      const robot = this.robot();
      robot.adopt(await this.labelled());
      await robot.must('train');
      return robot;
    })();
    return this.#trained;
  }
}

/** One robot's configuration, state and files. */
export class Robot {
  readonly configFile: string;
  #settings: Settings;

  constructor(
    readonly field: Field,
    readonly dir: string,
    settings: Settings,
  ) {
    this.configFile = this.path('headland.yaml');
    this.#settings = merged(settings, { paths: { stateDir: this.path('state') } });
    this.configure({});
  }

  get stateDir(): string {
    return this.path('state');
  }

  get photosDir(): string {
    return this.field.photosDir;
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Changes settings as a person edits the file. */
  configure(changes: Settings): void {
    this.#settings = merged(this.#settings, changes);
    writeFileSync(this.configFile, stringify(this.#settings));
  }

  /** Puts a file system of its own where the state will be. @param options of tmpfs */
  mountState(options: string): void {
    mkdirSync(this.stateDir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.stateDir]);
  }

  unmountState(): void {
    spawnSync('umount', ['-l', this.stateDir]);
  }

  write(name: string, content: string | Uint8Array, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
    return path;
  }

  /** The samples and heads of another robot. */
  adopt({ stateDir }: Robot): void {
    cpSync(stateDir, this.stateDir, { recursive: true, verbatimSymlinks: true });
  }

  /** Class folders of this robot's own: `count` pictures a class. */
  photos(name: string, labels: readonly string[], count = 4): string {
    for (const label of labels) {
      const from = join(this.photosDir, label);
      const to = this.path(name, label);
      mkdirSync(to, { recursive: true });
      for (const file of readdirSync(from).sort().slice(0, count)) {
        cpSync(join(from, file), join(to, file));
      }
    }
    return this.path(name);
  }

  headland(...args: string[]): Promise<Ran> {
    return this.#run(args, {});
  }

  /** As a user who is not root. */
  headlandAsNobody(...args: string[]): Promise<Ran> {
    return this.#run(args, NOBODY);
  }

  /** A command that is no part of what is tried. */
  async must(...args: string[]): Promise<string> {
    const { status, output } = await this.headland(...args);
    if (status !== 0) throw new Error(`headland ${args.join(' ')}: ${status}\n${output}`);
    return output;
  }

  #run(args: string[], user: { uid?: number; gid?: number }): Promise<Ran> {
    const config =
      args[0] === 'config' || args.includes('--config') ? [] : ['--config', this.configFile];
    return runProgram([PROGRAM, ...args, ...config], { cwd: this.dir, ...user });
  }
}

/** Settings with changes laid over them, section by section; lists are replaced. */
function merged(base: Settings, changes: Settings): Settings {
  const result = { ...base };
  for (const [name, value] of Object.entries(changes)) {
    const before = result[name];
    result[name] = isSection(before) && isSection(value) ? merged(before, value) : value;
  }
  return result;
}

function isSection(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
