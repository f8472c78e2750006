import { execFile } from 'node:child_process';

/** Niceness at which a process is moved to the idle class: it runs when nobody else wants to. */
const IDLE_NICE = 19;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * The command to put before another so that all its threads run at a low priority. `setpriority`
 * after the fork would reach the first thread only, so the priority is set before the program
 * starts: Linux' idle class through `chrt` (util-linux) for niceness 19, else `nice`.
 *
 * @param niceness 0 (as the parent) to 19 (the idle class, where the board allows it).
 * @returns Empty when neither tool is there or allowed.
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
