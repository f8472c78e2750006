import type { SyncTable } from './sync-table.js';

const DAY_MS = 86_400_000;

export interface Clocks {
  /** Monotonic, milliseconds. */
  monotonicMs(): number;
  /** Unix time, milliseconds; may be wrong. */
  wallMs(): number;
}

export const SYSTEM_CLOCKS: Clocks = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/**
 * Limits what is sent per day, across restarts. Bytes accrue evenly, up to those of one day, so
 * that n days never send more than n + 1 daily amounts. While headland runs, the monotonic clock
 * counts. The time between two runs is known only by the wall clock: it counts as at most one day,
 * however wrong that clock is.
 */
export class Allowance {
  #bytes: number;
  #atMs: number;

  /** @param maxBytesPerDay null = unlimited */
  constructor(
    private readonly table: Pick<SyncTable, 'allowance' | 'saveAllowance'>,
    private readonly maxBytesPerDay: number | null,
    private readonly clocks: Clocks = SYSTEM_CLOCKS,
  ) {
    this.#atMs = clocks.monotonicMs();
    const most = maxBytesPerDay ?? 0;
    const saved = maxBytesPerDay === null ? null : table.allowance();
    const awayMs = Math.min(Math.max(0, clocks.wallMs() - (saved?.savedAtMs ?? 0)), DAY_MS);
    this.#bytes = saved === null ? most : saved.bytes + (awayMs / DAY_MS) * most;
  }

  /** Bytes that may be sent now, at least 0; null = unlimited. */
  get bytes(): number | null {
    if (this.maxBytesPerDay === null) return null;
    this.#accrue(this.maxBytesPerDay);
    return Math.max(0, Math.floor(this.#bytes));
  }

  /**
   * Uses up `bytes`, if so many may be sent. More than a daily amount may be sent at once if that is
   * all there: the debt is then paid off first.
   * @returns false: too early, nothing was used up
   */
  take(bytes: number): boolean {
    if (this.maxBytesPerDay === null) return true;
    this.#accrue(this.maxBytesPerDay);
    if (this.#bytes < Math.min(bytes, this.maxBytesPerDay)) return false;
    this.#bytes -= bytes;
    return true;
  }

  /** Call before the bytes are sent, so that a crash gives none back. */
  save(): void {
    if (this.maxBytesPerDay !== null) {
      this.table.saveAllowance(this.#bytes, this.clocks.wallMs());
    }
  }

  #accrue(maxBytesPerDay: number): void {
    const nowMs = this.clocks.monotonicMs();
    this.#bytes += ((nowMs - this.#atMs) / DAY_MS) * maxBytesPerDay;
    this.#bytes = Math.min(this.#bytes, maxBytesPerDay);
    this.#atMs = nowMs;
  }
}
