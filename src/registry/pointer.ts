import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import { removeDurably, writeFileDurably } from '../base/files/durable-files.js';
import type { Log } from '../base/log.js';
import {
  appendHistory,
  compactHistory,
  everServed,
  type HistoryRecord,
  type PinRecord,
  readHistory,
  readPins,
  type Switcher,
  servingStack,
  setAsideUnreadable,
} from './history.js';
import { clearPlace, isMissing, moveAside, readRegular } from './whole-files.js';

/**
 * The serving version: `<dir>/current` holds its number and is replaced by one rename. The pointer
 * decides; the journal beside it only tells rollback where to go.
 */
export class ServingPointer {
  readonly #current: string;
  readonly #pin: string;
  readonly #history: string;
  readonly #log: Log | null;
  /** The damage has been logged: the pointer is read every two seconds. */
  #isDamageLogged = false;

  constructor(dir: string, log: Log | null) {
    this.#current = join(dir, 'current');
    this.#pin = join(dir, 'pinned');
    this.#history = join(dir, 'history.jsonl');
    this.#log = log;
  }

  /** The version that serves; null: none. */
  async read(): Promise<number | null> {
    const named = await versionIn(this.#current);
    if (named === 'damaged') return this.#fromHistory();
    this.#isDamageLogged = false;
    // A missing file means that no head serves, unless the last record says otherwise.
    return named ?? this.#lastNoted();
  }

  async #fromHistory(): Promise<number | null> {
    const version = await this.#lastNoted();
    if (!this.#isDamageLogged) {
      this.#isDamageLogged = true;
      this.#log?.error(
        { version },
        'the pointer to the serving head is damaged; using the history instead',
      );
    }
    return version;
  }

  /** The version that serves according to the journal; null: none, or it has no record. */
  async #lastNoted(): Promise<number | null> {
    return (await this.stack()).at(-1) ?? null;
  }

  /**
   * Whether nothing tells which version serves: the pointer is damaged, or there is none, and the journal
   * has no record.
   */
  async isUnknown(): Promise<boolean> {
    if (typeof (await versionIn(this.#current)) === 'number') return false;
    return (await this.lastSwitch()) === null;
  }

  /** Whether the file of the pointer has to be written again, although the version stays. */
  async isDamaged(): Promise<boolean> {
    const named = await versionIn(this.#current);
    return named === 'damaged' || (named === null && (await this.#lastNoted()) !== null);
  }

  /**
   * Switches; durable when it resolves. The record in the journal follows; see {@link reconcile}.
   */
  async set(
    version: number | null,
    event: HistoryRecord['event'],
    by: Switcher | null = null,
  ): Promise<void> {
    const previous = await this.read();
    await this.#write(this.#current, version);
    try {
      await this.#note(event, version, previous, by);
    } catch (error) {
      if (version === null) throw error;
      // The head has been switched; the next start adds the record.
      this.#log?.error(
        { version, err: messageOf(error) },
        'a switch of heads could not be recorded',
      );
    }
  }

  /** The version that stays; null: none, or it does not serve any more. */
  async pinned(): Promise<number | null> {
    const [pinned, current] = await Promise.all([versionIn(this.#pin), this.read()]);
    return pinned === current && current !== null ? current : null;
  }

  /** Durable when it resolves. @param version null: no version stays any more */
  async pin(version: number | null, by: Switcher | null): Promise<void> {
    const before = await this.pinned();
    await this.#write(this.#pin, version);
    if (version === before) return;
    const about = { at: new Date().toISOString(), ...(by && { by }) };
    if (version !== null) await this.#append({ ...about, event: 'pinned', version });
    else if (before !== null) await this.#append({ ...about, event: 'unpinned', version: before });
  }

  /** Records a switch that a power cut kept out of the journal, and shortens the journal. */
  async reconcile(): Promise<void> {
    await setAsideUnreadable(this.#history);
    const current = await this.read();
    const noted = (await this.stack()).at(-1) ?? null;
    if (current !== noted) await this.#note('found', current, noted, null);
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

  /** All switches, oldest first. */
  switches(): Promise<HistoryRecord[]> {
    return readHistory(this.#history);
  }

  /** All pins and their ends, oldest first. */
  pins(): Promise<PinRecord[]> {
    return readPins(this.#history);
  }

  /** The newest switch of the journal; null: no head was ever switched. */
  async lastSwitch(): Promise<HistoryRecord | null> {
    return (await readHistory(this.#history)).at(-1) ?? null;
  }

  async #write(path: string, version: number | null): Promise<void> {
    await clearPlace(path);
    if ((await versionIn(path)) === 'damaged') await moveAside(path);
    if (version === null) await removeDurably(path);
    else await writeFileDurably(path, `${version}\n`);
  }

  #note(
    event: HistoryRecord['event'],
    version: number | null,
    previous: number | null,
    by: Switcher | null,
  ): Promise<void> {
    const at = new Date().toISOString();
    return this.#append({ at, event, version, previous, ...(by && { by }) });
  }

  async #append(record: HistoryRecord | PinRecord): Promise<void> {
    await clearPlace(this.#history);
    await appendHistory(this.#history, record);
  }
}

/** The version that a pointer file names; null: there is no file. */
async function versionIn(path: string): Promise<number | 'damaged' | null> {
  try {
    const found = /^([1-9][0-9]{0,8})\n$/.exec(String(await readRegular(path)));
    return found ? Number(found[1]) : 'damaged';
  } catch (error) {
    return isMissing(error) ? null : 'damaged';
  }
}
