import { Worker } from 'node:worker_threads';

/** As many pages as SQLite itself lets the log grow to. */
const PAGES = 1_000;
/** Of a page, in the files that headland makes. */
export const PAGE_BYTES = 4_096;
/** Pages that a small transaction writes: a leaf of a table, two of indexes, one above. */
const PAGES_PER_COMMIT = 4;

/**
 * Moves the write-ahead log into the database file on a thread of its own, because that waits for the disk
 * three times. The thread exists only meanwhile: a robot needs it a few times a day.
 */
export class Checkpointer {
  #pages = 0;
  #running: Promise<void> | null = null;

  /** @param onFailure called when the thread fails; the log then grows until the next attempt */
  constructor(
    private readonly path: string,
    private readonly onFailure: (cause: unknown) => void,
    /** The program of the thread; only tests use another one. */
    private readonly workerUrl = new URL('./checkpoint-worker.js', import.meta.url),
  ) {}

  /** A transaction with values of so many bytes was committed. */
  wrote(bytes: number): void {
    this.#pages += PAGES_PER_COMMIT + bytes / PAGE_BYTES;
    if (this.#pages < PAGES || this.#running !== null) return;
    this.#pages = 0;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when no thread runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #run(): Promise<void> {
    return new Promise((resolve) => {
      let worker: Worker;
      try {
        worker = new Worker(this.workerUrl, {
          workerData: { path: this.path },
          name: 'checkpoint',
        });
      } catch (cause) {
        this.onFailure(cause);
        resolve();
        return;
      }
      worker.once('error', (cause) => this.onFailure(cause));
      worker.once('exit', () => resolve());
    });
  }
}
