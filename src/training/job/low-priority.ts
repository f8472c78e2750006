import { execFile } from 'node:child_process';
import { getPriority } from 'node:os';

const PROBE_TIMEOUT_MS = 5_000;
const NICEST = 19;

/**
 * A command prefix that gives all threads of another command a low priority. `setpriority` after
 * the fork would reach only the first thread, so `nice` sets the priority before the program starts.
 * The kernel's idle class is not used: beside a busy program it gets no processor time
 * (bench/results/training-load.md).
 *
 * @param niceness 0 (as the parent) to 19, added to that of the parent.
 * @returns Empty when `nice` does not exist or changes nothing, as under the systemd unit, which does
 *   not allow it; see {@link Courtesy}.
 */
export async function lowPriorityCommand(niceness: number): Promise<string[]> {
  if (niceness === 0) return [];
  const command = ['nice', '-n', String(niceness)];
  const wanted = Math.min(NICEST, getPriority() + niceness);
  return (await nicenessUnder(command)) === wanted ? command : [];
}

/** Without a program, `nice` prints its own niceness; it runs a program even if it may not change it. */
function nicenessUnder([command, ...args]: string[]): Promise<number | null> {
  return new Promise((resolve) => {
    const options = { timeout: PROBE_TIMEOUT_MS };
    execFile(command as string, [...args, 'nice'], options, (error, stdout) =>
      resolve(error ? null : Number(stdout)),
    );
  });
}
