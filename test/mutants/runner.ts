import { join } from 'node:path';
import { Compiler } from './compiler.js';
import {
  compiledPath,
  isOfPage,
  type Mutant,
  mutatedSource,
  type TestSelection,
  titleOf,
} from './mutant.js';
import { Sandbox, type TestRun } from './sandbox.js';

/** For tests of the source as it is. */
const GREEN_LIMIT_MS = 300_000;
/** Tests that need so much longer with a mutant than without have noticed it. */
const HANG_FACTOR = 6;
const HANG_LEAST_MS = 20_000;

export interface RunnerOptions {
  repository: string;
  /** Empty: copies of the repository are made in it and removed. */
  folder: string;
  /** So many mutants are tried at a time. */
  jobs: number;
  /** Takes one line of progress. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/** A mutant, and the file that it spoils as it has to be then. */
interface Spoilt {
  mutant: Mutant;
  path: string;
  content: string;
}

export interface Trial {
  /** All but those whose tests skip themselves on this machine. */
  tried: Mutant[];
  /** Those that not all of their tests noticed. */
  survived: Mutant[];
}

/**
 * Tries every mutant.
 *
 * @throws Error when a text is not there exactly once, when a mutant does not compile, when its tests
 *   are not green without it, or after an abort
 */
export async function runMutants(
  mutants: readonly Mutant[],
  { repository, folder, jobs, say, signal }: RunnerOptions,
): Promise<Trial> {
  const spoilt = spoil(mutants, repository);
  const sandboxes = Array.from(
    { length: Math.min(jobs, mutants.length) },
    (_, i) => new Sandbox(repository, join(folder, String(i + 1))),
  );
  const stop = (): void => {
    for (const sandbox of sandboxes) sandbox.stop();
  };
  signal.addEventListener('abort', stop);
  try {
    const limitsMs = await hangLimits(mutants, sandboxes, { say, signal });
    const possible = spoilt.filter(({ mutant }) =>
      mutant.tests.every((tests) => limitsMs.has(keyOf(tests))),
    );
    const survived = new Set<Mutant>();
    let done = 0;
    await share(possible, sandboxes, signal, async ({ mutant, path, content }, sandbox) => {
      const startMs = performance.now();
      const putBack = sandbox.replace(path, content);
      for (const tests of mutant.tests) {
        const limitMs = limitsMs.get(keyOf(tests))!;
        const { outcome } = await sandbox.run(tests, { limitMs, until: 'failure' });
        if (outcome === 'green') survived.add(mutant);
      }
      putBack();
      if (signal.aborted) return;
      done += 1;
      const outcome = survived.has(mutant) ? 'SURVIVED' : 'caught  ';
      say(`[${done}/${possible.length}] ${outcome} ${seconds(startMs)}  ${titleOf(mutant)}`);
    });
    const tried = possible.map(({ mutant }) => mutant);
    return { tried, survived: tried.filter((mutant) => survived.has(mutant)) };
  } finally {
    signal.removeEventListener('abort', stop);
    for (const sandbox of sandboxes) sandbox.remove();
  }
}

/** @throws Error that names every mutant with a fault */
function spoil(mutants: readonly Mutant[], repository: string): Spoilt[] {
  const compiler = new Compiler(repository);
  const spoilt: Spoilt[] = [];
  const faults: string[] = [];
  for (const mutant of mutants) {
    const { file } = mutant;
    try {
      const source = mutatedSource(mutant, repository);
      spoilt.push(
        file.endsWith('.ts') && !isOfPage(file)
          ? { mutant, path: compiledPath(file), content: compiler.compile(file, source) }
          : { mutant, path: file, content: source },
      );
    } catch (error) {
      faults.push(`${titleOf(mutant)}\n  ${error instanceof Error ? error.message : error}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return spoilt;
}

/**
 * Runs the tests of all mutants without any of them.
 *
 * @returns after how many milliseconds each of them hangs; nothing for those that skip themselves
 * @throws Error when they are not green
 */
async function hangLimits(
  mutants: readonly Mutant[],
  sandboxes: readonly Sandbox[],
  { say, signal }: Pick<RunnerOptions, 'say' | 'signal'>,
): Promise<Map<string, number>> {
  const selections = new Map(
    mutants.flatMap(({ tests }) => tests.map((selection) => [keyOf(selection), selection])),
  );
  const limitsMs = new Map<string, number>();
  const faults: string[] = [];
  let done = 0;
  await share([...selections], sandboxes, signal, async ([key, selection], sandbox) => {
    const startMs = performance.now();
    const run = await sandbox.run(selection, { limitMs: GREEN_LIMIT_MS, until: 'end' });
    const state = stateOf(run);
    if (state === 'green') {
      limitsMs.set(key, Math.max(HANG_LEAST_MS, HANG_FACTOR * run.durationMs));
    } else if (state !== 'skipped') faults.push(`${key} ${state} without a mutant\n${run.tail}`);
    done += 1;
    const why = state === 'skipped' ? `: ${run.skipped}` : '';
    say(`[${done}/${selections.size}] ${state} ${seconds(startMs)}  ${key}${why}`);
  });
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return limitsMs;
}

function stateOf({ outcome, passed, skipped }: TestRun): string {
  if (outcome !== 'green') return `is ${outcome}`;
  if (passed > 0) return 'green';
  return skipped === null ? 'runs no test' : 'skipped';
}

function keyOf({ file, names }: TestSelection): string {
  return names === undefined ? file : `${file} /${names}/`;
}

/** Gives each item to the next sandbox that is free. @throws Error after an abort */
async function share<Item>(
  items: readonly Item[],
  sandboxes: readonly Sandbox[],
  signal: AbortSignal,
  work: (item: Item, sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      while (next < items.length && !signal.aborted) await work(items[next++]!, sandbox);
    }),
  );
  if (signal.aborted) throw new Error('interrupted');
}

function seconds(startMs: number): string {
  return `${((performance.now() - startMs) / 1_000).toFixed(1).padStart(5)} s`;
}
