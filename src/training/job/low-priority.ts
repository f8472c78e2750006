import { execFile } from 'node:child_process';

const PROBE_TIMEOUT_MS = 5_000;

/**
 * A command prefix that gives all threads of another command a low priority. `setpriority` after
 * the fork would reach only the first thread, so `nice` sets the priority before the program starts.
 * The kernel's idle class is not used: beside a busy program it gets no processor time
 * (bench/results/training-load.md).
 *
 * @param niceness 0 (as the parent) to 19, added to that of the parent.
 * @returns Empty when `nice` does not exist or is not allowed.
 */
export async function lowPriorityCommand(niceness: number): Promise<string[]> {
  if (niceness === 0) return [];
  const command = ['nice', '-n', String(niceness)];
  return (await works([...command, process.execPath, '--version'])) ? command : [];
}

function works([command, ...args]: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command as string, args, { timeout: PROBE_TIMEOUT_MS }, (error) => resolve(!error));
  });
}
