import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../../src/base/random.js';
import { KilledDaemon } from './killed-daemon.js';
import { Ledger } from './ledger.js';

/** A killed program has begun at most so many actions, and so long ago the last of them. */
const MOST_ACTIONS = 30;
const LONGEST_WORK_MS = 8;
/** Of the rounds: killed while it opens the state. */
const SHARE_OF_STARTS = 0.2;
const LONGEST_START_MS = 60;
/** A state that many killed programs have left; then another one begins. */
const ROUNDS_OF_A_STATE = 20;
/** One round in so many kills a whole daemon. */
const ROUNDS_OF_A_DAEMON = 25;

export interface KillOutcome extends Record<string, unknown> {
  rounds: number;
  acknowledged: number;
  violations: string[];
}

/**
 * Kills programs while they label, queue messages, switch heads and write the audit log, and whole
 * daemons while people label: `chaos -- kill`. Options: `--rounds N`, `--seed N`, `--daemons N` of the
 * rounds with a whole daemon (default: one in 25).
 */
export async function run(options: readonly string[] = []): Promise<KillOutcome> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      rounds: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      daemons: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds);
  const daemons = Number(values.daemons ?? Math.floor(rounds / ROUNDS_OF_A_DAEMON));
  return killAll({ rounds, daemons, seed: Number(values.seed) });
}

interface KillOptions {
  rounds: number;
  /** Of the rounds. */
  daemons: number;
  seed: number;
}

export async function killAll({ rounds, daemons, seed }: KillOptions): Promise<KillOutcome> {
  const startedAtMs = performance.now();
  const waiting = Array.from({ length: rounds }, (_, round) => round);
  const lanes = await Promise.all(
    Array.from({ length: availableParallelism() }, async (_, index) => {
      const lane = new Lane(createRandom(seed * 1_000 + index));
      try {
        for (let round = waiting.shift(); round !== undefined; round = waiting.shift()) {
          await (round < daemons ? lane.killDaemon() : lane.killWork());
        }
      } finally {
        await lane.remove();
      }
      return lane;
    }),
  );
  const sum = (key: 'acknowledged' | 'byDaemons' | 'rounds' | 'atStart'): number =>
    lanes.reduce((total, lane) => total + lane[key], 0);
  return {
    rounds: sum('rounds'),
    daemons,
    atStart: sum('atStart'),
    acknowledged: sum('acknowledged'),
    byDaemons: sum('byDaemons'),
    seconds: Math.round((performance.now() - startedAtMs) / 1_000),
    violations: lanes.flatMap((lane) => lane.violations),
  };
}

/** Kills one program after the other. */
class Lane {
  rounds = 0;
  /** Killed before they had opened the state. */
  atStart = 0;
  acknowledged = 0;
  /** Acknowledged over MQTT and on the page. */
  byDaemons = 0;
  readonly violations: string[] = [];
  readonly #daemon = new KilledDaemon();
  #state: { root: string; ledger: Ledger; rounds: number } | null = null;

  constructor(private readonly random: Random) {}

  async killDaemon(): Promise<void> {
    const before = this.#daemon.acknowledged;
    this.violations.push(...(await this.#daemon.round(this.random)));
    this.byDaemons += this.#daemon.acknowledged - before;
    this.rounds += 1;
  }

  async killWork(): Promise<void> {
    const { root, ledger } = this.#stateOfRound();
    const before = ledger.acknowledged;
    await this.#work(root, ledger);
    this.acknowledged += ledger.acknowledged - before;
    this.rounds += 1;
    try {
      this.violations.push(...(await ledger.check()));
    } catch (error) {
      this.violations.push(`the state cannot be opened: ${String(error)}`);
      this.#removeState();
    }
  }

  async remove(): Promise<void> {
    this.#removeState();
    await this.#daemon.remove();
  }

  async #work(root: string, ledger: Ledger): Promise<void> {
    const script = fileURLToPath(new URL('./killed-work.js', import.meta.url));
    const child = spawn(process.execPath, [script, root, String(ledger.next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    const lines = createInterface({ input: child.stdout });
    const read = once(lines, 'close');
    lines.on('line', (line) => ledger.take(line));
    const atStart = this.random.next() < SHARE_OF_STARTS;
    let left = atStart ? 0 : this.random.int(MOST_ACTIONS);
    const begins = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (atStart || (line.startsWith('begin') && left-- <= 0)) resolve();
      });
    });
    await Promise.race([begins, closed]);
    await sleep(this.random.uniform(0, atStart ? LONGEST_START_MS : LONGEST_WORK_MS));
    child.kill('SIGKILL');
    const [status, signal] = (await closed) as [number | null, string | null];
    await read;
    if (atStart) this.atStart += 1;
    if (signal !== 'SIGKILL') this.violations.push(`the program ended by itself: ${status}`);
  }

  #stateOfRound(): { root: string; ledger: Ledger } {
    if (this.#state !== null && this.#state.rounds >= ROUNDS_OF_A_STATE) this.#removeState();
    if (this.#state === null) {
      const root = mkdtempSync(join(tmpdir(), 'headland-kill-'));
      this.#state = { root, ledger: new Ledger(root), rounds: 0 };
    }
    this.#state.rounds += 1;
    return this.#state;
  }

  #removeState(): void {
    if (this.#state !== null) rmSync(this.#state.root, { recursive: true, force: true });
    this.#state = null;
  }
}
