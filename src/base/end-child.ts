import type { ChildProcess } from 'node:child_process';
import { pause } from './pause.js';

/** How long a killed process may take to go: longer only when the kernel holds it. */
const GIVE_UP_MS = 2_000;

/**
 * Ends a child process: SIGTERM, and SIGKILL after `graceMs`, which also ends a stopped process. With
 * a grace of 0 it gets SIGKILL at once. Resolves when the process is gone, or 2 s after SIGKILL when
 * the kernel holds it (it then no longer keeps this process alive). Never rejects; may be called
 * again, and for a process that never started or is gone already.
 */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new AbortController();
  child.once('exit', () => gone.abort());
  if (graceMs > 0) {
    child.kill('SIGTERM');
    await pause(graceMs, gone.signal);
    if (gone.signal.aborted) return;
  }
  child.kill('SIGKILL');
  await pause(GIVE_UP_MS, gone.signal);
  if (!gone.signal.aborted) child.unref();
}
