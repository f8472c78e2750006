import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../../src/base/random.js';
import { type Attack, attacksOn } from './attacks.js';
import type { JobAnswer } from './corrupt-job.js';
import { makeState, type Opened } from './robot-state.js';

const JOB = fileURLToPath(new URL('./corrupt-job.js', import.meta.url));
const BUDGET_MS = 240_000;
const ANSWER_MS = 30_000;
const LISTED = 50;
/** The faults are in the files, not in the disk. */
const IN_MEMORY = '/dev/shm';

export interface CorruptOutcome extends Record<string, unknown> {
  /** Faults that exist, and those that were tried. */
  faults: number;
  tried: number;
  repaired: number;
  /** Labels that were lost, and said to be. */
  labelsLost: number;
  violations: string[];
}

/**
 * Damages every file of a state folder in every way, and opens it as the daemon does: `chaos -- corrupt`.
 * @param options `--every N`: every Nth fault; `--rounds N`: at most N faults. Without them as many as four
 *   minutes allow, in random order
 */
export async function run(options: readonly string[] = []): Promise<CorruptOutcome> {
  const every = numberAfter(options, '--every');
  const rounds = numberAfter(options, '--rounds');
  const seed = numberAfter(options, '--seed') ?? 1;
  const budgetMs = (every ?? rounds) === null ? BUDGET_MS : null;
  return corrupt({ every, rounds, seed, budgetMs });
}

/** @param how.budgetMs null: as long as it takes */
export async function corrupt(how: {
  every: number | null;
  rounds: number | null;
  seed: number;
  budgetMs: number | null;
}): Promise<CorruptOutcome> {
  const folder = mkdtempSync(
    join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'headland-corrupt-'),
  );
  const original = join(folder, 'original');
  const jobs = [0, 1].map((number) => new Job(original, join(folder, `damaged-${number}`)));
  try {
    const { labels } = await makeState(join(folder, 'making'), original);
    const faults = attacksOn(original);
    const wanted = chosen(faults, how);
    const outcome: CorruptOutcome = {
      faults: faults.length,
      tried: 0,
      repaired: 0,
      labelsLost: 0,
      violations: [],
    };
    const endMs = performance.now() + (how.budgetMs ?? Number.POSITIVE_INFINITY);
    await Promise.all(
      jobs.map(async (job) => {
        for (;;) {
          const attack = performance.now() < endMs ? wanted.shift() : undefined;
          if (attack === undefined) return;
          judge(outcome, attack, await job.ask(attack), labels);
        }
      }),
    );
    return outcome;
  } finally {
    for (const job of jobs) job.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosen(
  faults: readonly Attack[],
  { every, rounds, seed }: { every: number | null; rounds: number | null; seed: number },
): Attack[] {
  const random = createRandom(seed);
  // Those of whole files first: there are few.
  const order = faults
    .filter((_, i) => i % (every ?? 1) === 0)
    .map((attack) => ({ attack, key: random.uniform(0, 1) }))
    .sort((one, other) => one.key - other.key)
    .map(({ attack }) => attack);
  const isWhole = ({ kind }: Attack): boolean => kind !== 'flip' && kind !== 'cut';
  const sorted = [...faults.filter(isWhole), ...order.filter((attack) => !isWhole(attack))];
  return sorted.slice(0, rounds ?? sorted.length);
}

function judge(outcome: CorruptOutcome, attack: Attack, answer: JobAnswer, labels: number): void {
  const { file, kind, at } = attack;
  outcome.tried += 1;
  const violate = (what: string): void => {
    if (outcome.violations.length >= LISTED) return;
    outcome.violations.push(`${file}, ${kind} at ${at}: ${what}`);
  };
  if ('failed' in answer) {
    violate(answer.failed);
    return;
  }
  const { opened }: { opened: Opened } = answer;
  if (opened.repaired) outcome.repaired += 1;
  // The other head is whole whatever the fault.
  if (!opened.serves) violate('no head serves');
  if (opened.said.some((line) => line.startsWith('after the repair'))) {
    violate(opened.said.join('; '));
  }
  const lost = labels - opened.labels;
  if (lost > 0 && opened.said.length === 0) violate(`${lost} labels are lost without a word`);
  if (lost > 0) outcome.labelsLost += lost;
}

/** A process that is started again when a fault ends it. */
class Job {
  #child: ChildProcess | null = null;

  constructor(
    private readonly original: string,
    private readonly folder: string,
  ) {}

  ask(attack: Attack): Promise<JobAnswer> {
    this.#child ??= fork(JOB, [], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const child = this.#child;
    return new Promise((resolve) => {
      const finish = (answer: JobAnswer): void => {
        clearTimeout(limit);
        child.removeAllListeners();
        resolve(answer);
      };
      const lost = (why: string): void => {
        this.#child = null;
        child.kill('SIGKILL');
        finish({ failed: why });
      };
      const limit = setTimeout(() => lost('no answer within 30 s'), ANSWER_MS);
      child.once('message', (answer: JobAnswer) => finish(answer));
      child.once('exit', (code, signal) => lost(`the process ended (${code ?? signal})`));
      child.send({ original: this.original, folder: this.folder, attack });
    });
  }

  end(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
  }
}

function numberAfter(options: readonly string[], name: string): number | null {
  const at = options.indexOf(name);
  if (at < 0) return null;
  const value = Number(options[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} needs a whole number`);
  return value;
}
