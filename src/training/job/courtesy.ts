import { readFileSync } from 'node:fs';

/** Processor times of a thread since its start. */
export interface ProcessorTimes {
  usedMs: number;
  /** It could have run, but others did. */
  waitedMs: number;
}

/** Above this share of waiting, others want the processor that the training uses. */
const CONTENDED_SHARE = 0.2;
/** Then it rests this many times as long as it has worked: nearly what niceness 10 leaves it. */
const REST_PER_WORK = 8;
const MAX_REST_MS = 1_000;

/**
 * What the kernel's niceness does for a training, where the system does not allow one to lower a
 * priority: it rests after a step during which other programs wanted the processor, and works on
 * otherwise. It always makes headway, because each rest is followed by a step.
 */
export class Courtesy {
  #before: ProcessorTimes | null;

  constructor(private readonly read: () => ProcessorTimes | null = mainThreadTimes) {
    this.#before = read();
  }

  /** How long to rest after the work since the last call, milliseconds. */
  restMs(): number {
    const now = this.read();
    const before = this.#before;
    this.#before = now;
    if (!now || !before) return 0;
    const usedMs = now.usedMs - before.usedMs;
    const waitedMs = now.waitedMs - before.waitedMs;
    const isContended = waitedMs > CONTENDED_SHARE * (usedMs + waitedMs);
    return isContended ? Math.min(MAX_REST_MS, REST_PER_WORK * usedMs) : 0;
  }
}

/**
 * Reads /proc/PID/schedstat: time on the processor and time in the queue, nanoseconds
 * (Documentation/scheduler/sched-stats.rst).
 */
export function parseProcessorTimes(text: string): ProcessorTimes | null {
  const [, used, waited] = /^(\d+) (\d+) \d+$/.exec(text.trim()) ?? [];
  if (used === undefined || waited === undefined) return null;
  return { usedMs: Number(used) / 1e6, waitedMs: Number(waited) / 1e6 };
}

/** A training computes on its main thread. Null: this kernel does not count. */
function mainThreadTimes(): ProcessorTimes | null {
  try {
    return parseProcessorTimes(readFileSync('/proc/self/schedstat', 'utf8'));
  } catch {
    return null;
  }
}
