import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadlandError } from '../../src/base/errors.js';
import type { FuzzTarget } from './fuzz-target.js';
import { fuzzCase } from './mutate.js';
import { TARGETS } from './targets/every-target.js';

/** Processor time that a case may take. */
const MAX_CPU_MS = 100;
/** A busy machine and the garbage collector add to a measurement: the least of some counts. */
const MEASUREMENTS = 5;
const MAX_GROWTH = 1.5;
/** Share of the cases after which the compiler and the heap have settled, but not fewer than the second. */
const WARM_UP = { share: 0.25, least: 2_000 };
const HEARTBEAT = 250;

/** What a process of the campaign reports. */
export type FuzzMessage =
  | { kind: 'at'; index: number }
  | { kind: 'violation'; index: number; what: string }
  | { kind: 'done'; cases: number; maxCpuMs: number; growth: number };

/** Runs cases `from` to `to` of one target: `node fuzz-process.js TARGET FROM TO SEED CORPUS`. */
async function main([name = '', from, to, seed, corpus = '']: readonly string[]): Promise<void> {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target is named ${name}`);
  const given = [...(await target.seeds()), ...kept(join(corpus, name))];
  for (const input of given) await judge(target, input, -1);
  const settledAfter = Math.max(WARM_UP.least, WARM_UP.share * (Number(to) - Number(from)));
  let maxCpuMs = 0;
  let settledBytes = 0;
  for (let index = Number(from); index < Number(to); index++) {
    if (index % HEARTBEAT === 0) tell({ kind: 'at', index });
    let input = fuzzCase(given, target.words ?? [], [Number(seed), name, index]);
    if (target.seal && index % 2 === 0) input = target.seal(input);
    maxCpuMs = Math.max(maxCpuMs, await judge(target, input, index));
    if (index - Number(from) === settledAfter) settledBytes = mostMemory();
  }
  const growth = settledBytes === 0 ? 1 : mostMemory() / settledBytes;
  if (growth > MAX_GROWTH) {
    tell({ kind: 'violation', index: -1, what: `memory grew to ${growth.toFixed(2)} times` });
  }
  tell({ kind: 'done', cases: Number(to) - Number(from), maxCpuMs, growth });
  process.disconnect?.();
}

/** @returns processor time, milliseconds */
async function judge(target: FuzzTarget, input: Uint8Array, index: number): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let n = 0; n < MEASUREMENTS && leastMs > MAX_CPU_MS; n++) {
    const before = process.cpuUsage();
    try {
      await target.run(input);
    } catch (error) {
      if (!isHeadlandError(error) && !target.refuses?.(error)) {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        tell({ kind: 'violation', index, what: what.split('\n').slice(0, 3).join(' ') });
      }
    }
    const { user, system } = process.cpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1_000);
  }
  if (leastMs > MAX_CPU_MS) {
    tell({ kind: 'violation', index, what: `took ${Math.round(leastMs)} ms of processor time` });
  }
  return leastMs;
}

/** Inputs that have failed once. */
function kept(folder: string): Uint8Array[] {
  try {
    return readdirSync(folder)
      .sort()
      .map((file) => readFileSync(join(folder, file)));
  } catch {
    return [];
  }
}

function mostMemory(): number {
  return process.resourceUsage().maxRSS;
}

function tell(message: FuzzMessage): void {
  process.send?.(message);
}

await main(process.argv.slice(2));
