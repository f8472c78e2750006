import { Worker } from 'node:worker_threads';
import type { Log } from '../../base/log.js';

export interface WatchedParent {
  pid: number;
}

/** Enough for a timer. */
const LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

/**
 * Kills this process within half a second of the end of its parent, however that ends and whatever this
 * process computes. Everything that a training writes is durable or whole, so it may end anywhere.
 */
export function endWithParent(parent: WatchedParent, log: Log): void {
  const worker = new Worker(new URL('./parent-watch-worker.js', import.meta.url), {
    name: 'parent-watch',
    workerData: parent,
    execArgv: [],
    env: {},
    resourceLimits: LIMITS,
  });
  // Without the thread, the end of the parent is noticed after the current step.
  worker.on('error', (error) => log.warn({ err: error }, 'the parent process is not watched'));
  worker.unref();
}
