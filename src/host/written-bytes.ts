import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessStat, parseProcessStat } from '../base/processes/process-table.js';
import { readText } from './read-text.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Bytes that the daemon and its child processes sent to storage. */
export interface Written {
  /** Since the start of the daemon. */
  totalBytes: number;
  /** Within the last 24 hours, to the hour. */
  lastDayBytes: number;
}

/**
 * Counts what this process and its descendants write to storage, by `/proc/PID/io`. What a child
 * writes after the last observation before its end is not counted.
 */
export class WrittenBytes {
  readonly #procRoot: string;
  readonly #rootPid: number;
  /** Bytes by process; a process id that is used again has another start time. */
  #alive = new Map<string, number>();
  #endedBytes = 0;
  /** The total at the beginning of each of the last 24 hours, oldest first. */
  readonly #hours: { atMs: number; totalBytes: number }[] = [];

  constructor(options: { procRoot?: string; pid?: number } = {}) {
    this.#procRoot = options.procRoot ?? '/proc';
    this.#rootPid = options.pid ?? process.pid;
  }

  /**
   * Reads the counters. Call it more often than children end.
   * @param nowMs monotonic time, milliseconds
   * @returns null where the kernel does not count
   */
  observe(nowMs: number): Written | null {
    const before = this.#alive;
    this.#alive = this.#read();
    if (this.#alive.size === 0 && before.size === 0) return null;
    for (const [key, bytes] of before) if (!this.#alive.has(key)) this.#endedBytes += bytes;
    const alive = [...this.#alive.values()].reduce((sum, bytes) => sum + bytes, 0);
    const totalBytes = this.#endedBytes + alive;
    const hours = this.#hours;
    const newest = hours.at(-1);
    // All that was written before the first observation is of this day.
    if (!newest) hours.push({ atMs: nowMs, totalBytes: 0 });
    else if (nowMs - newest.atMs >= HOUR_MS) hours.push({ atMs: nowMs, totalBytes });
    while (hours.length > 1 && nowMs - hours[1]!.atMs >= DAY_MS) hours.shift();
    return { totalBytes, lastDayBytes: totalBytes - hours[0]!.totalBytes };
  }

  #read(): Map<string, number> {
    const processes = new Map<number, ProcessStat>();
    for (const name of this.#list()) {
      const stat = parseProcessStat(this.#file(`${name}/stat`));
      if (stat !== null) processes.set(Number(name), stat);
    }
    const found = new Map<string, number>();
    for (const [pid, { startTicks }] of processes) {
      if (!this.#descends(pid, processes)) continue;
      const io = this.#file(`${pid}/io`);
      const written = /^write_bytes: (\d+)$/m.exec(io)?.[1];
      const cancelled = /^cancelled_write_bytes: (\d+)$/m.exec(io)?.[1] ?? '0';
      if (written === undefined) continue;
      found.set(`${pid} ${startTicks}`, Math.max(0, Number(written) - Number(cancelled)));
    }
    return found;
  }

  #descends(pid: number, processes: ReadonlyMap<number, ProcessStat>): boolean {
    let at = pid;
    // The table is not read at one moment, so it could contain a circle.
    for (let depth = 0; depth < 16; depth++) {
      if (at === this.#rootPid) return true;
      const parent = processes.get(at)?.parentPid;
      if (parent === undefined) return false;
      at = parent;
    }
    return false;
  }

  #list(): string[] {
    try {
      return readdirSync(this.#procRoot).filter((name) => /^\d+$/.test(name));
    } catch {
      return [];
    }
  }

  /** Empty for a process that has ended, or that this user may not read. */
  #file(path: string): string {
    return readText(join(this.#procRoot, path)) ?? '';
  }
}
