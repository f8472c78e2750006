import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, writeFileDurably } from '../base/files/durable-files.js';
import type { Log } from '../base/log.js';
import {
  appendHistory,
  compactHistory,
  everServed,
  type HistoryRecord,
  readHistory,
  servingStack,
} from './history.js';

/**
 * The serving version: `<dir>/current` holds its number and is replaced by one rename. The pointer
 * decides; the journal beside it only tells rollback where to go.
 */
export class ServingPointer {
  readonly #dir: string;
  readonly #current: string;
  readonly #history: string;
  readonly #log: Log | null;

  constructor(dir: string, log: Log | null) {
    this.#dir = dir;
    this.#current = join(dir, 'current');
    this.#history = join(dir, 'history.jsonl');
    this.#log = log;
  }

  /** The version that serves; null: none. */
  async read(): Promise<number | null> {
    const text = await readFile(this.#current, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (text === null) return null;
    const found = /^([1-9][0-9]{0,8})\n$/.exec(text);
    if (found) return Number(found[1]);
    const version = (await this.stack()).at(-1) ?? null;
    this.#log?.error(
      { version },
      'the pointer to the serving head is damaged; using the history instead',
    );
    return version;
  }

  /**
   * Switches; durable when it resolves. The record in the journal follows; see {@link reconcile}.
   */
  async set(version: number | null, event: HistoryRecord['event']): Promise<void> {
    const previous = await this.read();
    if (version === null) {
      await rm(this.#current, { force: true });
      await syncDirectory(this.#dir);
    } else {
      await writeFileDurably(this.#current, `${version}\n`);
    }
    await this.#note(event, version, previous);
  }

  /** Records a switch that a power cut kept out of the journal, and shortens the journal. */
  async reconcile(): Promise<void> {
    const current = await this.read();
    const noted = (await this.stack()).at(-1) ?? null;
    if (current !== noted) await this.#note('found', current, noted);
    await compactHistory(this.#history);
  }

  /** The versions that rollback goes through, the serving one last. */
  async stack(): Promise<number[]> {
    return servingStack(await readHistory(this.#history));
  }

  /** Every version that ever served, ordered by its last switch. */
  async everServed(): Promise<number[]> {
    return everServed(await readHistory(this.#history));
  }

  /** The newest record of the journal; null: no head was ever switched. */
  async lastSwitch(): Promise<HistoryRecord | null> {
    return (await readHistory(this.#history)).at(-1) ?? null;
  }

  async #note(
    event: HistoryRecord['event'],
    version: number | null,
    previous: number | null,
  ): Promise<void> {
    await appendHistory(this.#history, { at: new Date().toISOString(), event, version, previous });
  }
}
