const INTERVAL_MS = 600_000;
const MAX_OPEN = 256;

/** What an audit entry says of a command, without the transaction. */
export interface TalliedCommand {
  name: string;
  source: string;
  /** Id of the key that signed it. */
  key?: string;
  ok: boolean;
  /** Of a failure. */
  code?: string;
}

interface Tally {
  command: TalliedCommand;
  /** Not recorded yet. */
  count: number;
  sinceMs: number;
}

/**
 * Writes commands to the audit that programs may send often. The first of a kind is an entry at once;
 * the others of ten minutes are one entry with their `count`, so that a program which asks every second
 * drives nothing else out of the audit. A kill loses at most the counts of ten minutes.
 */
export class CommandTally {
  readonly #tallies = new Map<string, Tally>();

  /** @param nowMs a monotonic clock, milliseconds */
  constructor(
    private readonly record: (detail: Record<string, unknown>) => void,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** @param transaction of this command, for its entry if it gets its own */
  add(command: TalliedCommand, transaction: string | undefined): void {
    const kind = JSON.stringify(Object.entries(command).sort());
    const known = this.#tallies.get(kind);
    if (known) {
      known.count += 1;
      return;
    }
    const [oldest] = this.#tallies;
    if (this.#tallies.size >= MAX_OPEN && oldest) {
      this.#write(oldest[1]);
      this.#tallies.delete(oldest[0]);
    }
    this.#tallies.set(kind, { command, count: 0, sinceMs: this.nowMs() });
    this.record(transaction === undefined ? { ...command } : { ...command, transaction });
  }

  /** Records what has been counted for ten minutes; at the end of the process, everything. */
  flush({ isEnd = false }: { isEnd?: boolean } = {}): void {
    const dueMs = this.nowMs() - INTERVAL_MS;
    for (const [kind, tally] of [...this.#tallies]) {
      if (!isEnd && tally.sinceMs > dueMs) continue;
      this.#tallies.delete(kind);
      if (tally.count === 0) continue;
      this.#write(tally);
      // Last in the map: the oldest are first.
      this.#tallies.set(kind, { ...tally, count: 0, sinceMs: this.nowMs() });
    }
  }

  #write({ command, count, sinceMs }: Tally): void {
    if (count === 0) return;
    const seconds = Math.round((this.nowMs() - sinceMs) / 1_000);
    this.record({ ...command, count, seconds });
  }
}
