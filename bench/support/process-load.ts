import { readFileSync } from 'node:fs';

/** Kernel clock ticks a second (USER_HZ), the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessLoad {
  /** Resident memory, MiB. */
  rssMib: number;
  /** Processor time since its start, seconds, all threads. */
  cpuSeconds: number;
  /** Open file descriptors cannot be read for other users' processes; threads can. */
  threads: number;
}

/** What a process uses now; null when it is gone. */
export function processLoad(pid: number): ProcessLoad | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      rssMib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      threads: Number(/Threads:\s+(\d+)/.exec(status)?.[1]),
    };
  } catch {
    return null;
  }
}

/** Children of a process whose command line holds `word`. */
export function childrenOf(pid: number, word: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter((child) => child !== '')
      .map(Number)
      .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(word));
  } catch {
    return [];
  }
}
