import type { ChildProcess } from 'node:child_process';
import { pause } from '../pause.js';

/** Longest wait after SIGKILL. Only a process that the kernel holds takes longer. */
const GIVE_UP_MS = 2_000;

/**
 * Ends a child process: SIGTERM, then SIGKILL after `graceMs`, which also ends a stopped process. A
 * grace of 0 sends SIGKILL at once. Resolves when the process is gone, or 2 s after SIGKILL if the
 * kernel still holds it; the child then no longer keeps this process alive. Never rejects. May be
 * called again, and for a process that never started or has already exited.
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
