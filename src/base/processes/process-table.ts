import { codeOf } from '../errors.js';

/** Whether a process exists, of whatever user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Facts about a process, from `/proc/PID/stat` (proc_pid_stat(5)). */
export interface ProcessStat {
  parentPid: number;
  /** When it began, in clock ticks since boot: distinguishes it from a later process with the same id. */
  startTicks: string;
}

/** @returns null: the text is not that of a process */
export function parseProcessStat(text: string): ProcessStat | null {
  // The second field, the name of the program, may contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [, parentPid] = fields;
  const startTicks = fields[19];
  if (parentPid === undefined || startTicks === undefined) return null;
  return { parentPid: Number(parentPid), startTicks };
}
