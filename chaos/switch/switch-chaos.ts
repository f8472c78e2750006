import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readCachedModel } from '../../src/backbone/cache.js';
import { loadCard } from '../../src/backbone/card-folders.js';
import { featureChecksum } from '../../src/backbone/embedder.js';
import { messageOf } from '../../src/base/errors.js';
import { headProbabilities } from '../../src/head/score.js';
import { createRobot, groupNames, type Robot, teach } from '../../test/training/fixture.js';
import { BALLAST, type Cell, FAULTS, type Fault, STATES, STRUCK, type State } from './faults.js';
import { SwitchRobot } from './switch-robot.js';

const LABELS = ['crop', 'weed'];
/** A cell mostly waits for processes to start. */
const AT_ONCE = 4;
const HANG_MS = 120_000;
/** A training ends so long after its daemon at most. */
const ORPHAN_LIMIT_MS = 2_000;
/** Space of a disk that gets full. */
const DISK = '16m';

export interface SwitchOutcome extends Record<string, unknown> {
  cells: number;
  /** Cells whose fault happened. */
  struck: number;
  /** Cells that this machine cannot try: no right to mount a small disk. */
  skipped: number;
  /** Restarts after which the version before the fault served, a newer one, or an older one. */
  servedSame: number;
  servedNewer: number;
  servedOlder: number;
  /** Longest time that a training outlived its daemon, milliseconds. */
  orphanMs: number;
  violations: string[];
}

/** Every fault in every state of a head, from its training to its end: `chaos -- switch`. */
export async function run(options: readonly string[] = []): Promise<SwitchOutcome> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      states: { type: 'string', default: STATES.join(',') },
      faults: { type: 'string', default: FAULTS.join(',') },
    },
  });
  const chosen = <T extends string>(all: readonly T[], text: string): T[] =>
    all.filter((each) => text.split(',').includes(each));
  const faults = chosen(FAULTS, values.faults);
  return switchUnderFaults(
    chosen(STATES, values.states).flatMap((state) =>
      faults.map((fault): [State, Fault] => [state, fault]),
    ),
  );
}

/** Tries these cells of the table. */
export async function switchUnderFaults(
  table: readonly (readonly [State, Fault])[],
): Promise<SwitchOutcome> {
  const ends: (() => void)[] = [];
  const outcome: SwitchOutcome = {
    cells: table.length,
    struck: 0,
    skipped: 0,
    servedSame: 0,
    servedNewer: 0,
    servedOlder: 0,
    orphanMs: 0,
    violations: [],
  };
  try {
    const bench = await Bench.create((end) => void ends.push(end), outcome);
    const left = [...table];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) await bench.try(...next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    for (const end of ends.reverse()) end();
  }
  return outcome;
}

/** A robot whose second head serves and which has more labels, and copies of it for each cell. */
class Bench {
  private constructor(
    private readonly robot: Robot,
    private readonly checksum: string,
    private readonly labels: readonly string[],
    private readonly outcome: SwitchOutcome,
  ) {}

  static async create(after: (end: () => void) => void, outcome: SwitchOutcome): Promise<Bench> {
    const robot = await createRobot(
      { after },
      {
        training: { learners: ['ridge'], everyNewLabels: 50, minLabels: 8 },
        gate: { minHoldoutSamples: 2 },
        views: 0,
      },
    );
    const state = join(robot.dir, 'state');
    mkdirSync(state);
    const own = { ...robot, dbPath: join(state, 'headland.db') };
    const checksum = await checksumOf(robot);
    let labels: string[] = [];
    for (const round of ['first', 'second', 'third']) {
      const groups = groupNames({ training: 4, holdout: 2 }, round);
      await teach(own, { labels: LABELS, groups, perGroup: 2 });
      const taught = new SwitchRobot(state, own, checksum);
      try {
        await taught.heads.start();
        labels = taught.labels();
        if (round === 'third') break;
        const { outcome: ended, reason } = await taught.train();
        if (ended !== 'promoted') throw new Error(`the ${round} head does not serve: ${reason}`);
      } finally {
        await taught.stop();
      }
    }
    return new Bench(own, checksum, labels, outcome);
  }

  async try(state: State, fault: Fault): Promise<void> {
    const { outcome } = this;
    const dir = join(this.robot.dir, `${state}-${fault}`);
    const stateDir = join(dir, 'state');
    mkdirSync(stateDir, { recursive: true });
    const isMounted =
      fault === 'full' &&
      spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'none', stateDir]).status === 0;
    try {
      if (fault === 'full' && !isMounted) {
        outcome.skipped += 1;
        return;
      }
      cpSync(join(this.robot.dir, 'state'), stateDir, { recursive: true });
      const violates = (what: string): void =>
        void outcome.violations.push(`${state} x ${fault}: ${what}`);
      await this.#suffer({ state, fault, stateDir, serving: 2 }, violates);
      if (existsSync(join(dir, STRUCK))) outcome.struck += 1;
      else violates('the fault did not happen');
      rmSync(join(stateDir, BALLAST), { force: true });
      await this.#restart(stateDir, violates);
    } catch (error) {
      outcome.violations.push(`${state} x ${fault}: ${messageOf(error)}`);
    } finally {
      if (isMounted) spawnSync('umount', ['-l', stateDir]);
      rmSync(dir, { recursive: true, force: true });
    }
  }

  /** The daemon of the cell, until it ends or the fault ends it. */
  async #suffer(cell: Cell, violates: (what: string) => void): Promise<void> {
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const child = spawn(
      process.execPath,
      [
        '--import',
        here('./fault-points.js'),
        here('./robot-process.js'),
        JSON.stringify(cell),
        JSON.stringify(this.robot),
        this.checksum,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, HEADLAND_CHAOS_CELL: JSON.stringify(cell) },
        timeout: HANG_MS,
        killSignal: 'SIGABRT',
      },
    );
    const said = { out: '', error: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.error += text));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once('close', (...end) => resolve(end)),
    );
    for (const [, defect] of said.out.matchAll(/^defect (.*)$/gm)) violates(defect ?? '');
    const isExpected = cell.fault === 'kill' ? signal === 'SIGKILL' : code === 0;
    if (!isExpected) violates(`the daemon ended with ${signal ?? code}: ${said.error.slice(-500)}`);
    const trainer = Number(/^trainer (\d+)$/m.exec(said.out)?.[1]);
    if (signal === 'SIGKILL' && trainer > 0) await this.#waitFor(trainer, violates);
  }

  async #waitFor(trainer: number, violates: (what: string) => void): Promise<void> {
    const from = performance.now();
    while (runs(trainer) && performance.now() - from < 10 * ORPHAN_LIMIT_MS) await sleep(20);
    const orphanMs = Math.round(performance.now() - from);
    this.outcome.orphanMs = Math.max(this.outcome.orphanMs, orphanMs);
    if (orphanMs > ORPHAN_LIMIT_MS) violates(`the training outlived its daemon by ${orphanMs} ms`);
  }

  /** What must hold after any fault. */
  async #restart(stateDir: string, violates: (what: string) => void): Promise<void> {
    const robot = new SwitchRobot(stateDir, this.robot, this.checksum);
    try {
      await robot.heads.start();
      const version = robot.heads.serving?.card.version ?? null;
      this.#count(version);
      await this.#works(robot, 'after the restart', violates);
      const labels = robot.labels();
      if (JSON.stringify(labels) !== JSON.stringify(this.labels)) {
        violates(`${labels.length} labels of ${this.labels.length} are left, or others`);
      }
      robot.training.listen();
      const report = await robot.train();
      if (report.outcome !== 'promoted' && report.outcome !== 'refused') {
        violates(`the next training ${report.outcome}: ${report.error?.code} ${report.reason}`);
      }
      await this.#works(robot, 'after the next training', violates);
    } finally {
      await robot.stop();
    }
  }

  async #works(robot: SwitchRobot, when: string, violates: (what: string) => void): Promise<void> {
    const { serving } = robot.heads;
    if (serving === null) return violates(`no head serves ${when}`);
    const { version } = serving.card;
    const { heads, samples } = robot.state.task();
    const stored = await heads.load(version).catch(messageOf);
    if (typeof stored === 'string') return violates(`head ${version} serves ${when}: ${stored}`);
    if ((await heads.current()) !== version) violates(`the pointer is elsewhere ${when}`);
    if (serving.head.backboneChecksum !== this.checksum) {
      violates(`head ${version} of another backbone serves ${when}`);
    }
    if (!serving.card.gate.promote) violates(`head ${version}, which was refused, serves ${when}`);
    const [id = ''] = samples.list({ labelled: true }).map((sample) => sample.id);
    const features = samples.features([id], this.checksum, '', 0).get(id)?.[0];
    if (!features) return violates(`a sample has no features ${when}`);
    const answer = headProbabilities(serving.head, features);
    const sum = answer.reduce((total, each) => total + each, 0);
    if (!(Math.abs(sum - 1) < 1e-6)) violates(`head ${version} answers nonsense ${when}`);
  }

  #count(version: number | null): void {
    if (version === null) return;
    if (version === 2) this.outcome.servedSame += 1;
    else if (version > 2) this.outcome.servedNewer += 1;
    else this.outcome.servedOlder += 1;
  }
}

async function checksumOf({ cacheDir, settings: { models, inference } }: Robot): Promise<string> {
  const card = await loadCard(models.backbone, models.cardsDir);
  return featureChecksum((await readCachedModel(card, cacheDir)).checksum, inference.fit);
}

function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
