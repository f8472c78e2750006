import { execFile } from 'node:child_process';

/**
 * At this niceness the process moves to the idle class: it runs only when no other process wants
 * to.
 */
const IDLE_NICE = 19;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * A command prefix that gives all threads of another command a low priority. `setpriority` after
 * the fork would reach only the first thread, so the priority is set before the program starts: by
 * `chrt` (util-linux) in Linux' idle class for niceness 19, else by `nice`.
 *
 * @param niceness 0 (as the parent) to 19 (the idle class, where the board allows it).
 * @returns Empty when neither tool exists or is allowed.
 */
export async function lowPriorityCommand(niceness: number): Promise<string[]> {
  if (niceness === 0) return [];
  const candidates = [
    ...(niceness === IDLE_NICE ? [['chrt', '--idle', '0']] : []),
    ['nice', '-n', String(niceness)],
  ];
  for (const candidate of candidates) {
    if (await works([...candidate, process.execPath, '--version'])) return candidate;
  }
  return [];
}

function works([command, ...args]: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command as string, args, { timeout: PROBE_TIMEOUT_MS }, (error) => resolve(!error));
  });
}
