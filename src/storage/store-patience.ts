import { isHeadlandError } from '../base/errors.js';
import { pause } from '../base/pause.js';

/** As long as SQLite would wait for another process by itself, but without holding the event loop. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 50;

/**
 * Repeats work while another process keeps the database locked. Every attempt must change nothing when it
 * fails with HL_STORE_BUSY: one transaction does.
 * @throws HeadlandError HL_STORE_BUSY when the lock stays for {@link PATIENCE_MS}; else as `work`
 */
export async function patiently<T>(work: () => Promise<T> | T): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isHeadlandError(error, 'HL_STORE_BUSY') || performance.now() >= untilMs) throw error;
      await pause(RETRY_MS);
    }
  }
}

/** As {@link patiently}, for writes of people: they keep their order while they wait. */
export class StorePatience {
  #waiting: Promise<unknown> | null = null;

  async wait<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#waiting === null) {
      try {
        return await work();
      } catch (error) {
        if (!isHeadlandError(error, 'HL_STORE_BUSY')) throw error;
      }
    }
    const before = this.#waiting;
    const done = (before ?? Promise.resolve()).then(() => patiently(work));
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    this.#waiting = settled;
    try {
      return await done;
    } finally {
      if (this.#waiting === settled) this.#waiting = null;
    }
  }
}
