import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type DiskTrace, readDiskTrace } from './disk-trace.js';
import { PARTS, type PartName } from './facts.js';
import type { Share, ShareOutcome } from './share.js';
import { TRACED_CALLS } from './system-calls.js';

/** Longer than any start: below it only the figure counts. */
const MOST_OPEN_MS = 5_000;
/** Longest string in a trace, bytes: the largest picture of the recorded work. */
const LONGEST_WRITE_BYTES = 8_000_000;
/**
 * SQLite flushes its rollback journal only while it makes a new file a file with a log: there is nothing
 * in it yet.
 */
export const NOTHING_TO_LOSE = 'SQLite: the rollback journal';
/** Of the wanted states. */
const SHARES: Record<PartName, number> = { files: 0.25, heads: 0.35, database: 0.4 };

export interface PowerOutcome extends Record<string, unknown> {
  states: number;
  distinct: number;
  violations: string[];
}

/**
 * Cuts the power of a robot at every moment of its work: `chaos -- power`. Options: `--states N` checks
 * about so many states; `--rounds N` how much it works; `--seed N`; `--without-fsync SITE` leaves out the
 * flushes of one site, and `--each-fsync` those of each site in turn, which must be noticed. After
 * `--seconds N` it ends, and says that it is not complete.
 */
export async function run(options: readonly string[] = []): Promise<PowerOutcome> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      states: { type: 'string', default: '110000' },
      rounds: { type: 'string', default: '6' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '540' },
      'without-fsync': { type: 'string' },
      'each-fsync': { type: 'boolean', default: false },
    },
  });
  const recording = await Recording.make(Number(values.rounds));
  try {
    const wanted = {
      states: Number(values.states),
      seed: Number(values.seed),
      seconds: Number(values.seconds),
    };
    if (values['each-fsync']) return await recording.dropEach(wanted);
    return await recording.check(wanted, values['without-fsync'] ?? null);
  } finally {
    recording.remove();
  }
}

interface Wanted {
  states: number;
  seed: number;
  /** Longest time, seconds. */
  seconds: number;
}

/** What a robot wrote, and acknowledged, in the order of its system calls. */
export class Recording {
  private constructor(
    private readonly folder: string,
    private readonly trace: DiskTrace,
  ) {}

  /** @throws Error when strace is missing or the traced program fails */
  static async make(rounds: number): Promise<Recording> {
    const folder = mkdtempSync(
      join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headland-cut-'),
    );
    try {
      const { root, markFile, traceFile } = filesIn(folder);
      const script = fileURLToPath(new URL('./recorded-work.js', import.meta.url));
      const strace = spawn(
        'strace',
        [
          `-fqqxxs${LONGEST_WRITE_BYTES}`,
          '--seccomp-bpf',
          `--trace=${TRACED_CALLS}`,
          `--output=${traceFile}`,
          process.execPath,
          script,
          root,
          markFile,
          String(rounds),
        ],
        { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, UV_USE_IO_URING: '0' } },
      );
      const [status] = (await once(strace, 'close')) as [number | null];
      if (status !== 0) throw new Error(`the recorded work ended with ${status}`);
      return new Recording(folder, await readDiskTrace(traceFile, root, markFile));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The places in the code, and in SQLite, that flush. */
  sites(): string[] {
    const sites = this.trace.events.flatMap((event) => (event.kind === 'sync' ? event.site : []));
    return [...new Set(sites)].sort();
  }

  async check(wanted: Wanted, without: string | null = null): Promise<PowerOutcome> {
    const startedAtMs = performance.now();
    const workers = availableParallelism();
    const about = { ...filesIn(this.folder), scratch: this.folder, mostOpenMs: MOST_OPEN_MS };
    const shares = Array.from({ length: workers }, (_, worker): Share => {
      return {
        ...about,
        ...shareOf(wanted),
        without: [without],
        worker,
        workers,
        stopsAtFirst: false,
      };
    });
    const outcomes = (await Promise.all(shares.map(checkShare))).flat();
    const parts = (Object.keys(PARTS) as PartName[]).map((part) => {
      const those = outcomes.filter((outcome) => outcome.part === part);
      return { part, actions: those[0]?.actions, ...totalOf(those) };
    });
    return {
      ...totalOf(outcomes),
      complete: outcomes.every((outcome) => outcome.complete),
      parts,
      sites: this.sites(),
      maxOpenMs: Math.round(Math.max(...outcomes.map((outcome) => outcome.maxOpenMs))),
      seconds: Math.round((performance.now() - startedAtMs) / 1_000),
      violations: outcomes.flatMap((outcome) => outcome.violations),
    };
  }

  /**
   * Leaves out the flushes of each site in turn, until that is noticed: a site that nobody misses is a
   * violation.
   */
  async dropEach(wanted: Wanted): Promise<PowerOutcome> {
    const processes = availableParallelism();
    const about = { ...filesIn(this.folder), mostOpenMs: MOST_OPEN_MS };
    const shares = Array.from({ length: processes }, (_, index): Share => {
      const without = this.sites().filter((__, site) => site % processes === index);
      const scratch = join(this.folder, `each-${index}`);
      const alone = { worker: 0, workers: 1, stopsAtFirst: true, scratch };
      return { ...about, ...alone, ...shareOf(wanted), without };
    });
    const outcomes = (await Promise.all(shares.map(checkShare))).flat();
    const noticed = Object.fromEntries(
      outcomes.flatMap(({ without, violations: [first] }) =>
        first === undefined ? [] : [[String(without), first]],
      ),
    );
    const unnoticed = this.sites().filter(
      (site) => noticed[site] === undefined && site !== NOTHING_TO_LOSE,
    );
    const violations = unnoticed.map((site) => `nothing is lost without the flush in ${site}`);
    return { ...totalOf(outcomes), noticed, violations };
  }
}

function totalOf(outcomes: readonly ShareOutcome[]): { states: number; distinct: number } {
  return {
    states: outcomes.reduce((total, each) => total + each.states, 0),
    distinct: outcomes.reduce((total, each) => total + each.distinct, 0),
  };
}

function filesIn(folder: string): Pick<Share, 'root' | 'markFile' | 'traceFile'> {
  return {
    root: join(folder, 'root'),
    markFile: join(folder, 'marks'),
    traceFile: join(folder, 'trace'),
  };
}

function shareOf({ states, seed, seconds }: Wanted): Pick<Share, 'states' | 'seed' | 'seconds'> {
  const ofParts = Object.entries(SHARES).map(([part, share]) => [part, Math.ceil(states * share)]);
  return { states: Object.fromEntries(ofParts), seed, seconds };
}

/** In a process of its own: a state that ends the process is a violation, too. */
async function checkShare(share: Share): Promise<ShareOutcome[]> {
  const script = fileURLToPath(new URL('./check-states.js', import.meta.url));
  const child = fork(script, [JSON.stringify(share)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
  });
  let outcomes: ShareOutcome[] | null = null;
  child.on('message', (message) => {
    outcomes = message as ShareOutcome[];
  });
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (outcomes === null) throw new Error(`a state has ended its process: ${status ?? signal}`);
  return outcomes;
}
