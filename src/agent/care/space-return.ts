import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../base/pause.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { Database } from '../../storage/database.js';
import { FreePages } from '../../storage/space/free-pages.js';

const LOOK_INTERVAL_MS = 60_000;
/** Between two steps, so that frames and their messages come first. */
const BETWEEN_STEPS_MS = 50;

export interface SpaceReturnParts {
  database: Database;
  repeats: Repeats;
  log: Log;
  /** Default: {@link LOOK_INTERVAL_MS}. */
  intervalMs?: number;
}

/**
 * Gives space of the database that nothing uses any more back to the disk, in steps of a few milliseconds:
 * after a long time without a broker, or after pictures were removed.
 */
export class SpaceReturn {
  readonly #end = new AbortController();
  #repetition: Repetition | null = null;

  constructor(private readonly parts: SpaceReturnParts) {}

  start(): void {
    this.#repetition = this.parts.repeats.every({
      name: 'space',
      what: 'give space of the database back',
      intervalMs: this.parts.intervalMs ?? LOOK_INTERVAL_MS,
      run: () => this.giveBack(),
    });
  }

  /** Resolves when no step is under way. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#repetition?.stop();
  }

  /**
   * Resolves when no more is worth it, or at the end.
   * @throws HeadlandError HL_STORE_…
   */
  async giveBack(): Promise<void> {
    const { database, log } = this.parts;
    const pages = new FreePages(database);
    if (!pages.areWorthIt) return;
    let total = 0;
    try {
      while (!this.#end.signal.aborted) {
        const taken = pages.step();
        if (taken === 0) break;
        total += taken;
        await pause(BETWEEN_STEPS_MS, this.#end.signal);
      }
    } catch (error) {
      // Another process writes; the rest follows at the next look.
      if (!isHeadlandError(error, 'HL_STORE_BUSY')) throw error;
    }
    log.info({ pages: total }, 'space of the database was given back to the disk');
  }
}
