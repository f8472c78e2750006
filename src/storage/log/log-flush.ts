import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What a {@link LogFlush} needs of the connection. */
export interface FlushedConnection {
  /**
   * Makes everything durable without the log. Once a flush has failed, the next one may succeed without
   * having written anything: the kernel has marked the pages as clean (Rebello et al., "Can Applications
   * Recover from fsync Failures?", USENIX ATC 2020).
   * @throws when that fails, too
   */
  writeWithoutLog(): void;
  /** Reports a failure, and names the error for who waits. */
  failed(cause: unknown): unknown;
}

/**
 * Flushes the write-ahead log of SQLite on another thread, so that a slow disk delays only those who wait
 * for {@link settled}. Commits of one turn of the event loop share a flush, and so do commits that come
 * during a flush.
 */
export class LogFlush {
  /** Commits so far, and those of them that are on the disk. */
  #written = 0;
  #flushed = 0;
  /** Commits that went with their file, and why; `from` is excluded. */
  #lost: { from: number; upTo: number; error: unknown } | null = null;
  #running: Promise<void> | null = null;
  #file: FileHandle | null = null;
  /** The log alone does not make durable what was written to it. */
  #isDoubtful = false;

  /** @param path the log, which stays the same file as long as a connection is open */
  constructor(
    private readonly path: string,
    private readonly connection: FlushedConnection,
  ) {}

  /** Number of commits so far. */
  get commits(): number {
    return this.#written;
  }

  /** A transaction was committed: flushes it soon. */
  wrote(): void {
    this.#written += 1;
    this.#flush().catch(() => undefined);
  }

  /** Resolves when everything committed before is on the disk. @throws the failure of the flush */
  async settled(): Promise<void> {
    const upTo = this.#written;
    while (this.#flushed < upTo) await this.#flush();
    if (this.#lost && upTo > this.#lost.from && upTo <= this.#lost.upTo) throw this.#lost.error;
  }

  /** Another connection to the same file is in use from now on. */
  moved(): void {
    this.#isDoubtful = true;
    void this.close();
  }

  /** The file is gone, with every commit that was not flushed. */
  lost(error: unknown): void {
    if (this.#flushed < this.#written) {
      this.#lost = { from: this.#flushed, upTo: this.#written, error };
      this.#flushed = this.#written;
    }
    void this.close();
  }

  /** Closes the log, until the next commit. Never throws. */
  async close(): Promise<void> {
    await this.#running?.catch(() => undefined);
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
  }

  #flush(): Promise<void> {
    this.#running ??= this.#flushOnce().finally(() => {
      this.#running = null;
      if (this.#flushed < this.#written && !this.#isDoubtful) this.#flush().catch(() => undefined);
    });
    return this.#running;
  }

  async #flushOnce(): Promise<void> {
    await nextTurn();
    const upTo = this.#written;
    try {
      if (this.#isDoubtful) this.connection.writeWithoutLog();
      else await this.#flushLog();
      this.#isDoubtful = false;
      this.#flushed = Math.max(this.#flushed, upTo);
    } catch (cause) {
      this.#isDoubtful = true;
      throw this.connection.failed(cause);
    }
  }

  async #flushLog(): Promise<void> {
    this.#file ??= await open(this.path, 'r');
    await this.#file.datasync();
  }
}
