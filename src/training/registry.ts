import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  syncDirectory,
  writeDirectoryDurably,
  writeFileDurably,
} from '../backbone/durable-files.js';
import { HeadlandError, isHeadlandError, messageOf } from '../errors.js';
import { decodeHead, encodeHead } from '../head/codec.js';
import type { Head } from '../head/head.js';
import type { Log } from '../log.js';
import type { HeadCard, NewHeadCard } from './card.js';
import {
  appendHistory,
  compactHistory,
  everServed,
  type HistoryRecord,
  readHistory,
  servingStack,
} from './history.js';
import {
  listVersions,
  readCard,
  readVersion,
  type StoredHead,
  versionFiles,
  versionsToRemove,
} from './version-directory.js';

const CURRENT = 'current';
const HISTORY = 'history.jsonl';
const REPORT = 'report.json';

/** One line of `headland models heads`. */
export interface HeadListing {
  version: number;
  /** Null: the directory is damaged; `load` says how. */
  card: HeadCard | null;
  /** It serves now. */
  current: boolean;
  /** It serves or has served. */
  served: boolean;
}

/**
 * The versions of the trained head: `<dir>/<n>/` is written whole and never changed, `<dir>/current`
 * holds the number of the serving one and is replaced by one rename. The pointer is the truth; the
 * history beside it only says what rollback means. Several processes may publish; only one, the
 * daemon or a command while no daemon runs, may switch, recover and prune.
 */
export class HeadRegistry {
  readonly dir: string;
  readonly #keep: number;
  readonly #log: Log | null;
  /** Switches run one after the other: each reads the pointer that the one before it wrote. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param options.keep How many versions that served, and how many that never did, are kept. */
  constructor(dir: string, options: { keep: number; log?: Log }) {
    this.dir = dir;
    this.#keep = options.keep;
    this.#log = options.log ?? null;
  }

  /** Every version directory, oldest first. */
  async list(): Promise<HeadListing[]> {
    const [current, records, { valid }] = await Promise.all([
      this.current(),
      this.#records(),
      listVersions(this.dir),
    ]);
    const served = new Set(everServed(records));
    return Promise.all(
      valid.map(async (version) => ({
        version,
        card: await readCard(this.#path(version), version).catch(() => null),
        current: version === current,
        served: served.has(version),
      })),
    );
  }

  /** The version that serves; null: none was ever promoted. */
  async current(): Promise<number | null> {
    const text = await readFile(join(this.dir, CURRENT), 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      },
    );
    if (text === null) return null;
    const found = /^([1-9][0-9]{0,8})\n$/.exec(text);
    if (found) return Number(found[1]);
    const version = servingStack(await this.#records()).at(-1) ?? null;
    this.#log?.error(
      { version },
      'the pointer to the serving head is damaged; the history decides',
    );
    return version;
  }

  /**
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID (a flipped byte, a missing file)
   */
  load(version: number): Promise<StoredHead> {
    return readVersion(this.#path(version), version);
  }

  /**
   * The serving head, for the start of the daemon. A damaged one is put aside as `<n>.corrupt` and
   * the version that served before it takes over. Null: there is none that can serve.
   */
  openServing(): Promise<StoredHead | null> {
    return this.#exclusive(async () => {
      const wanted = await this.current();
      if (wanted === null) return null;
      const records = await this.#records();
      const older = [...servingStack(records).reverse(), ...everServed(records).sort(descending)];
      for (const version of new Set([wanted, ...older])) {
        const stored = await this.#loadOrPutAside(version);
        if (!stored) continue;
        if (version !== wanted) {
          await this.#point(version, 'fell-back', wanted);
          this.#log?.error({ wanted, version }, 'the serving head is damaged; an older one serves');
        }
        return stored;
      }
      await this.#point(null, 'fell-back', wanted);
      this.#log?.error({ wanted }, 'the serving head is damaged and there is no older one');
      return null;
    });
  }

  /** Removes what an interruption left and brings history and pointer together. At start only. */
  recover(): Promise<void> {
    return this.#exclusive(async () => {
      await mkdir(this.dir, { recursive: true });
      for (const entry of await readdir(this.dir)) {
        if (entry.startsWith('.')) await rm(join(this.dir, entry), { recursive: true });
      }
      const current = await this.current();
      const previous = servingStack(await this.#records()).at(-1) ?? null;
      if (current !== null && current !== previous) await this.#note('found', current, previous);
      await this.#prune();
    });
  }

  /**
   * Writes the head to the disk and reads it back, so that what is judged is what would serve.
   *
   * @throws HeadlandError HL_HEAD_INVALID when it does not come back
   */
  async stage(head: Head): Promise<Head> {
    await mkdir(this.dir, { recursive: true });
    const path = join(this.dir, `.staged-${randomUUID()}`);
    try {
      await writeFileDurably(path, encodeHead(head));
      return decodeHead(await readFile(path));
    } finally {
      await rm(path, { force: true });
    }
  }

  /**
   * Writes a new version directory; it does not serve yet. Versions only ever count up.
   *
   * @param trainingGroups Groups of the samples it was trained on.
   * @returns Its version.
   */
  async publish(head: Head, card: NewHeadCard, trainingGroups: readonly string[]): Promise<number> {
    await mkdir(this.dir, { recursive: true });
    const weights = encodeHead(head);
    for (;;) {
      const version = (await this.#highest()) + 1;
      const files = versionFiles(weights, trainingGroups, { schema: 1, version, ...card });
      try {
        await writeDirectoryDurably(this.#path(version), files);
        return version;
      } catch (error) {
        // Another process took the number in the meantime.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EEXIST' && code !== 'ENOTEMPTY') throw error;
      }
    }
  }

  /**
   * Makes a version the serving one, after checking every byte of it.
   *
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID; the old one serves on
   */
  promote(version: number): Promise<StoredHead> {
    return this.#exclusive(async () => {
      const stored = await this.load(version);
      await this.#point(version, 'promoted', await this.current());
      await this.#prune();
      return stored;
    });
  }

  /**
   * Goes back to `version`, or without it to the one that served before the serving one. Two in a
   * row go two versions back; `promote` goes forward again.
   *
   * @throws HeadlandError HL_HEAD_NO_PREVIOUS | HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID
   */
  rollback(version?: number): Promise<StoredHead> {
    return this.#exclusive(async () => {
      const current = await this.current();
      const stored =
        version === undefined ? await this.#previous(current) : await this.load(version);
      await this.#point(stored.card.version, 'rolled-back', current);
      return stored;
    });
  }

  /** Takes a promotion back whose head could not be put to work; `previous` null: none serves. */
  withdraw(version: number, previous: number | null): Promise<void> {
    return this.#exclusive(() => this.#point(previous, 'withdrawn', version));
  }

  /** Removes what is more than is kept; never the serving version, never the newest. */
  prune(): Promise<void> {
    return this.#exclusive(() => this.#prune());
  }

  /** Keeps the report of the training beside the card of the head that came of it. */
  async attachReport(version: number, report: object): Promise<void> {
    const path = join(this.#path(version), REPORT);
    await writeFileDurably(path, `${JSON.stringify(report, null, 2)}\n`);
  }

  async #previous(current: number | null): Promise<StoredHead> {
    const stack = servingStack(await this.#records());
    for (const version of stack.reverse().filter((v) => v !== current)) {
      const stored = await this.#loadOrPutAside(version);
      if (stored) return stored;
    }
    throw new HeadlandError('HL_HEAD_NO_PREVIOUS', 'no other head has served before this one', {
      remedy: 'Name a version that `headland models heads` lists, or train again.',
      details: { current },
    });
  }

  async #loadOrPutAside(version: number): Promise<StoredHead | null> {
    try {
      return await this.load(version);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.#log?.error({ version, err: messageOf(error) }, 'a head cannot be used');
      if (error.code === 'HL_HEAD_INVALID') {
        await rename(this.#path(version), `${this.#path(version)}.corrupt`);
      }
      return null;
    }
  }

  async #point(
    version: number | null,
    event: HistoryRecord['event'],
    previous: number | null,
  ): Promise<void> {
    const path = join(this.dir, CURRENT);
    if (version === null) {
      await rm(path, { force: true });
      await syncDirectory(this.dir);
    } else {
      await writeFileDurably(path, `${version}\n`);
    }
    await this.#note(event, version, previous);
  }

  async #note(
    event: HistoryRecord['event'],
    version: number | null,
    previous: number | null,
  ): Promise<void> {
    const at = new Date().toISOString();
    await appendHistory(join(this.dir, HISTORY), { at, event, version, previous });
  }

  async #prune(): Promise<void> {
    const [current, records, found] = await Promise.all([
      this.current(),
      this.#records(),
      listVersions(this.dir),
    ]);
    const surplus = versionsToRemove(found.valid, everServed(records), current, this.#keep);
    for (const version of surplus) await this.#remove(this.#path(version));
    for (const version of found.corrupt.slice(0, -this.#keep)) {
      await this.#remove(`${this.#path(version)}.corrupt`);
    }
    await compactHistory(join(this.dir, HISTORY));
  }

  /** A half-removed directory must never look like a version. */
  async #remove(path: string): Promise<void> {
    const grave = join(this.dir, `.removed-${randomUUID()}`);
    await rename(path, grave);
    await rm(grave, { recursive: true });
  }

  async #highest(): Promise<number> {
    const { valid, corrupt } = await listVersions(this.dir);
    return Math.max(0, ...valid, ...corrupt, ...everServed(await this.#records()));
  }

  #records(): Promise<HistoryRecord[]> {
    return readHistory(join(this.dir, HISTORY));
  }

  #path(version: number): string {
    return join(this.dir, String(version));
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function descending(a: number, b: number): number {
  return b - a;
}
