import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FuzzMessage } from './fuzz-process.js';
import type { FuzzTarget } from './fuzz-target.js';
import { TARGETS } from './targets/every-target.js';

const PROCESS = fileURLToPath(new URL('fuzz-process.js', import.meta.url));
/** A folder for each target. */
const CORPUS = fileURLToPath(new URL('../../../chaos/fuzz/corpus/', import.meta.url));
/** A process that says nothing for so long hangs. */
const SILENCE_MS = 60_000;
const AT_ONCE = 2;

export interface FuzzOutcome extends Record<string, unknown> {
  targets: number;
  cases: number;
  /** Of the slowest case. */
  maxCpuMs: number;
  /** Of the memory of a process, after it had settled. */
  maxGrowth: number;
  violations: string[];
}

/**
 * Changed inputs for every parser: `chaos -- fuzz [--cases 20000] [--seed 1] [--only PART]`. A parser gives
 * an answer or a typed error, within 100 ms of processor time, and its process does not grow above
 * 1.5 times. Inputs that have failed are
 * in chaos/fuzz/corpus/, and every run tries them first.
 */
export async function run(args: readonly string[] = []): Promise<FuzzOutcome> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  });
  const seed = Number(values.seed);
  const outcome: FuzzOutcome = { targets: 0, cases: 0, maxCpuMs: 0, maxGrowth: 1, violations: [] };
  const waiting = TARGETS.filter(({ name }) => name.includes(values.only)).map(
    (target) => new Fuzzing(target, Math.ceil(Number(values.cases) * (target.share ?? 1)), seed),
  );
  // The slow ones first: the others fill the lanes beside them.
  waiting.sort((a, b) => (a.target.share ?? 1) - (b.target.share ?? 1));
  outcome.targets = waiting.length;
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await next.run(outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return outcome;
}

/** The cases of one parser, in processes that may end. */
class Fuzzing {
  #at = 0;

  constructor(
    readonly target: FuzzTarget,
    readonly cases: number,
    readonly seed: number,
  ) {}

  async run(outcome: FuzzOutcome): Promise<void> {
    let from = 0;
    while (from < this.cases) {
      this.#at = from;
      const ended = await this.#process(from, outcome);
      if (ended === null) return;
      outcome.violations.push(`${this.target.name}, cases from ${this.#at}: ${ended}`);
      from = this.#at + 1_000;
    }
  }

  /** @returns why the process ended early; null: it ran to its end */
  #process(from: number, outcome: FuzzOutcome): Promise<string | null> {
    const { name } = this.target;
    return new Promise((resolve) => {
      const args = [name, String(from), String(this.cases), String(this.seed), CORPUS];
      const child = fork(PROCESS, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      let isDone = false;
      let isSilent = false;
      const silence = setTimeout(() => {
        isSilent = true;
        child.kill('SIGKILL');
      }, SILENCE_MS);
      child.on('message', (message: FuzzMessage) => {
        silence.refresh();
        if (message.kind === 'at') this.#at = message.index;
        else if (message.kind === 'violation') this.#found(message, outcome);
        else {
          isDone = true;
          outcome.cases += message.cases;
          outcome.maxCpuMs = Math.max(outcome.maxCpuMs, Math.round(message.maxCpuMs));
          outcome.maxGrowth = Math.max(outcome.maxGrowth, Number(message.growth.toFixed(2)));
        }
      });
      child.once('exit', (code, signal) => {
        clearTimeout(silence);
        if (isDone) return resolve(null);
        resolve(isSilent ? 'the parser hangs' : `the process ended with ${signal ?? code}`);
      });
    });
  }

  #found({ index, what }: Extract<FuzzMessage, { kind: 'violation' }>, outcome: FuzzOutcome): void {
    const { name } = this.target;
    // One defect fails thousands of cases.
    if (outcome.violations.filter((one) => one.startsWith(`${name},`)).length >= 5) return;
    outcome.violations.push(`${name}, case ${index}: ${what}`);
  }
}
