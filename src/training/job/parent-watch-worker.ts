import { workerData } from 'node:worker_threads';
import type { WatchedParent } from './parent-watch.js';

/**
 * The thread of {@link endWithParent}. It looks by itself, because the main thread computes for seconds
 * without reading its messages.
 */
const CHECK_INTERVAL_MS = 250;

const { pid }: WatchedParent = workerData;

function check(): void {
  // A process without its parent gets another one.
  if (process.ppid !== pid) process.kill(process.pid, 'SIGKILL');
}

check();
setInterval(check, CHECK_INTERVAL_MS);
