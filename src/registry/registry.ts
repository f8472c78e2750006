import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError, isHeadlandError, messageOf } from '../base/errors.js';
import { writeDirectoryDurably, writeFileDurably } from '../base/files/durable-files.js';
import { makeFolder } from '../base/files/make-folder.js';
import type { Log } from '../base/log.js';
import type { StoredAnswers } from '../gate/answers/sample-answer.js';
import type { GateRecord } from '../gate/gate-record.js';
import type { ShadowTrial } from '../gate/shadow.js';
import { decodeHead, encodeHead } from '../head/codec.js';
import type { Head } from '../head/head.js';
import { withClassNames } from '../head/serving/renamed-head.js';
import { type HeadCard, type NewHeadCard, withNamesOnCard } from './head-card.js';
import type { HistoryRecord, PinRecord, Switcher } from './history.js';
import { ServingPointer } from './pointer.js';
import {
  listVersions,
  readAnswers,
  readCard,
  readGateRecord,
  readTrial,
  readVersion,
  type StoredHead,
  versionFiles,
  versionsToRemove,
  writeTrial,
} from './version-directory.js';
import { isMissing, moveAside } from './whole-files.js';

/** Throws when a head cannot serve on this robot. */
export type HeadCheck = (stored: StoredHead) => void;

export interface OpenServingOptions {
  /** Hands a head to perception; when it throws, the next head is tried. */
  use?: (stored: StoredHead) => Promise<void> | void;
  /** Called for each head that cannot serve. */
  onUnusable?: (version: number, error: unknown) => void;
  /** Called when pointer and history are damaged, so that nothing tells which head served. */
  onForgotten?: () => void;
  /** The version that serves already; tried first after the version of the pointer. */
  keep?: number | null;
}

/** What the classes of a label revision are called now, by their old names. */
export type ClassNames = (labelRevision: number) => ReadonlyMap<string, string>;

/** One line of `headland models heads`. */
export interface HeadListing {
  version: number;
  /** Null: the directory is damaged; `load` tells how. */
  card: HeadCard | null;
  /** The version serves now. */
  current: boolean;
  /** The version serves or has served. */
  served: boolean;
}

/**
 * The versions of the trained head. `<dir>/<n>/` is written whole and never changed, and a pointer
 * names the serving version. Several processes may publish. Only one may switch, recover and prune:
 * the daemon, or a command while no daemon runs.
 */
export class HeadRegistry {
  readonly dir: string;
  readonly #keep: number;
  readonly #log: Log | null;
  readonly #pointer: ServingPointer;
  readonly #classNames: ClassNames;
  /**
   * Switches run one after the other, because each reads the pointer that the one before it wrote.
   */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param options.keep How many versions that served, and how many that never did, are kept.
   * @param options.classNames Default: classes keep their names.
   */
  constructor(dir: string, options: { keep: number; log?: Log; classNames?: ClassNames }) {
    this.dir = dir;
    this.#keep = options.keep;
    this.#log = options.log ?? null;
    this.#classNames = options.classNames ?? (() => new Map());
    this.#pointer = new ServingPointer(dir, this.#log);
  }

  /** Every version directory, oldest first. */
  async list(): Promise<HeadListing[]> {
    const [current, everServed, { valid }] = await Promise.all([
      this.#pointer.read(),
      this.#pointer.everServed(),
      listVersions(this.dir),
    ]);
    const served = new Set(everServed);
    return Promise.all(
      valid.map(async (version) => ({
        version,
        card: await this.#card(version),
        current: version === current,
        served: served.has(version),
      })),
    );
  }

  /** The highest version; null: there is none. */
  async newest(): Promise<number | null> {
    return (await listVersions(this.dir)).valid.at(-1) ?? null;
  }

  /** The version that serves; null: none was ever promoted. */
  current(): Promise<number | null> {
    return this.#pointer.read();
  }

  /**
   * Reads a version. Its classes have the names that they have now.
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID (a flipped byte, a missing file)
   */
  async load(version: number): Promise<StoredHead> {
    const stored = await readVersion(this.#path(version), version);
    const names = this.#namesOf(stored.card);
    return {
      ...stored,
      head: withClassNames(stored.head, names),
      card: withNamesOnCard(stored.card, names),
    };
  }

  /**
   * Opens the head of the pointer. If it cannot serve, tries {@link OpenServingOptions.keep}, the
   * versions that served before it, and those that passed the gate, newest first; the pointer then
   * follows. If neither pointer nor history can be read, the newest version that passed the gate serves.
   * A damaged version is renamed to `<n>.corrupt`. Null: no head can serve.
   */
  openServing(options: OpenServingOptions = {}): Promise<StoredHead | null> {
    return this.#exclusive(async () => {
      const wanted = await this.current();
      const fellBack = (await this.lastSwitch())?.event === 'fell-back';
      const isForgotten = wanted === null && (await this.#isForgotten());
      if (wanted === null && !fellBack && !isForgotten) return null;
      const stored = await this.#openFirst(
        await this.#servable(wanted, options.keep ?? null),
        options,
      );
      const version = stored?.card.version ?? null;
      const isDamaged = await this.#pointer.isDamaged();
      if (version !== wanted || isDamaged) await this.#fallBack(wanted, version);
      if (isForgotten && isDamaged) options.onForgotten?.();
      return stored;
    });
  }

  /** Versions were trained, but nothing tells whether and which one served. */
  async #isForgotten(): Promise<boolean> {
    const { valid } = await listVersions(this.dir);
    return valid.length > 0 && (await this.#pointer.isUnknown());
  }

  async #openFirst(
    versions: Iterable<number>,
    options: OpenServingOptions,
  ): Promise<StoredHead | null> {
    for (const version of versions) {
      const stored = await this.#openOrSkip(version, options);
      if (stored) return stored;
    }
    return null;
  }

  /** Removes what an interruption left and reconciles history and pointer. Only at start. */
  recover(): Promise<void> {
    return this.#exclusive(async () => {
      await this.#clearFolder();
      for (const entry of await readdir(this.dir)) {
        if (entry.startsWith('.')) await rm(join(this.dir, entry), { recursive: true });
      }
      await this.#pointer.reconcile();
      await this.#prune();
    });
  }

  /** Creates the folder; what is no folder in its place is moved aside. */
  async #clearFolder(): Promise<void> {
    const isOther = await stat(this.dir).then(
      (found) => !found.isDirectory(),
      (error: NodeJS.ErrnoException) => error.code === 'ELOOP',
    );
    if (isOther) await moveAside(this.dir);
    await makeFolder(this.dir);
  }

  /**
   * Writes the head to the disk and reads it back, so that the gate judges exactly what would
   * serve.
   *
   * @throws HeadlandError HL_HEAD_INVALID when the head cannot be read back
   */
  async stage(head: Head): Promise<Head> {
    await makeFolder(this.dir);
    const path = join(this.dir, `.staged-${randomUUID()}`);
    try {
      await writeFileDurably(path, encodeHead(head));
      return decodeHead(await readFile(path));
    } finally {
      await rm(path, { force: true });
    }
  }

  /**
   * Writes a new version directory, which does not serve yet. Version numbers only grow.
   *
   * @param trainingGroups Groups of the samples that the head was trained on.
   * @param gate The decision of the gate; null when no gate has judged the head.
   * @param answers What the head answers to the labelled samples; null: nobody asked it.
   * @returns The new version.
   */
  async publish(
    head: Head,
    card: NewHeadCard,
    trainingGroups: readonly string[],
    gate: GateRecord | null = null,
    answers: StoredAnswers | null = null,
  ): Promise<number> {
    await makeFolder(this.dir);
    const weights = encodeHead(head);
    for (;;) {
      const version = (await this.#highest()) + 1;
      const numbered = { schema: 1 as const, version, ...card };
      const files = versionFiles(weights, trainingGroups, numbered, gate, answers);
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
   * Makes a version the serving one, after a check of every byte.
   *
   * @param check Throws when the head cannot serve on this robot.
   * @param by Who switches. A pin moves to the version that a person chooses.
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID, or what `check` throws; the
   *   old head then stays
   */
  promote(version: number, check?: HeadCheck, by: Switcher | null = null): Promise<StoredHead> {
    return this.#exclusive(async () => {
      const stored = await this.load(version);
      check?.(stored);
      await this.#move(version, 'promoted', by);
      // The head serves; old versions can be removed at the next occasion.
      await this.#prune().catch((error: unknown) =>
        this.#log?.warn({ err: messageOf(error) }, 'cannot remove old heads'),
      );
      return stored;
    });
  }

  /**
   * Goes back to `version`, by default to the version before the serving one. Two rollbacks in a
   * row go two versions back; `promote` goes forward again.
   *
   * @param check Throws when a head cannot serve on this robot; without `version` such a head is
   *   skipped.
   * @param by Who switches. A pin moves to the version that a person chooses.
   * @throws HeadlandError HL_HEAD_NO_PREVIOUS | HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID, or what
   *   `check` throws
   */
  rollback(version?: number, check?: HeadCheck, by: Switcher | null = null): Promise<StoredHead> {
    return this.#exclusive(async () => {
      const current = await this.current();
      let stored: StoredHead;
      if (version === undefined) {
        stored = await this.#previous(current, check);
      } else {
        stored = await this.load(version);
        check?.(stored);
      }
      await this.#move(stored.card.version, 'rolled-back', by);
      return stored;
    });
  }

  /**
   * Undoes a switch whose head perception did not take.
   * @param previous null: no head serves then
   * @param pinned the version that was pinned before the switch; null: none
   */
  withdraw(previous: number | null, pinned: number | null = null): Promise<void> {
    return this.#exclusive(async () => {
      await this.#pointer.set(previous, 'withdrawn');
      await this.#pointer.pin(pinned, null);
    });
  }

  /**
   * The version that is pinned: it serves until a person says otherwise. Null: none; a version that
   * cannot serve any more holds no pin.
   */
  pinned(): Promise<number | null> {
    return this.#pointer.pinned();
  }

  /**
   * Pins the serving version, or ends the pin. Durable when it resolves.
   * @param version it must serve; null: trainings and trials may switch again
   * @throws HeadlandError HL_HEAD_NOT_SERVING
   */
  pin(version: number | null, by: Switcher | null = null): Promise<void> {
    return this.#exclusive(async () => {
      const current = await this.current();
      if (version !== null && version !== current) throw notServing(version, current);
      await this.#pointer.pin(version, by);
    });
  }

  /** Switches of the serving head and pins that the journal still has, oldest first. */
  async history(): Promise<{ switches: HistoryRecord[]; pins: PinRecord[] }> {
    const [switches, pins] = await Promise.all([this.#pointer.switches(), this.#pointer.pins()]);
    return { switches, pins };
  }

  /** Removes old versions beyond the limit; never the serving version, never the newest. */
  prune(): Promise<void> {
    return this.#exclusive(() => this.#prune());
  }

  /**
   * Null: no gate has judged the head. @throws HeadlandError HL_HEAD_UNKNOWN_VERSION |
   * HL_HEAD_INVALID
   */
  async gateRecord(version: number): Promise<GateRecord | null> {
    await readCard(this.#path(version), version);
    return readGateRecord(this.#path(version));
  }

  /**
   * What the head of a version answered to the labelled samples in its training; null: not stored.
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID
   */
  async answers(version: number): Promise<StoredAnswers | null> {
    await readCard(this.#path(version), version);
    return readAnswers(this.#path(version));
  }

  /** The last switch of the serving head; null: there was none. */
  lastSwitch(): Promise<HistoryRecord | null> {
    return this.#pointer.lastSwitch();
  }

  /** The trial of a version beside the head that it replaced; null: no readable trial. */
  shadowTrial(version: number): Promise<ShadowTrial | null> {
    return readTrial(this.#path(version));
  }

  /** Durable when it resolves. */
  keepShadowTrial(trial: ShadowTrial): Promise<void> {
    return writeTrial(this.#path(trial.version), trial);
  }

  /** Null: the card cannot be read. */
  async #card(version: number): Promise<HeadCard | null> {
    const card = await readCard(this.#path(version), version).catch(() => null);
    return card && withNamesOnCard(card, this.#namesOf(card));
  }

  /** Older heads are from a time before classes could get other names. */
  #namesOf({ labelRevision = 0 }: HeadCard): ReadonlyMap<string, string> {
    return this.#classNames(labelRevision);
  }

  async #previous(current: number | null, check?: HeadCheck): Promise<StoredHead> {
    const stack = (await this.#pointer.stack()).reverse();
    for (const version of stack.filter((v) => v !== current)) {
      const stored = await this.#openOrSkip(version, check ? { use: check } : {});
      if (stored) return stored;
    }
    throw new HeadlandError('HL_HEAD_NO_PREVIOUS', 'no other head has served before', {
      remedy:
        'Name a version of `headland models heads`: `headland rollback VERSION`. If it lists none, train: `headland train`.',
      details: { current },
    });
  }

  /** The versions that may serve, in the order in which they are tried. */
  async #servable(wanted: number | null, keep: number | null): Promise<Set<number>> {
    const stack = (await this.#pointer.stack()).reverse();
    const served = (await this.#pointer.everServed()).sort((a, b) => b - a);
    const passed: number[] = [];
    for (const version of (await listVersions(this.dir)).valid.reverse()) {
      const card = await readCard(this.#path(version), version).catch(() => null);
      if (card?.gate.promote) passed.push(version);
    }
    const inOrder = [wanted, keep, ...stack, ...served, ...passed];
    return new Set(inOrder.filter((version) => version !== null));
  }

  /** Loads a version and hands it to perception; null when that fails for any reason. */
  async #openOrSkip(
    version: number,
    { use, onUnusable }: OpenServingOptions,
  ): Promise<StoredHead | null> {
    try {
      const stored = await this.load(version);
      await use?.(stored);
      return stored;
    } catch (error) {
      this.#log?.error({ version, err: messageOf(error) }, 'a head cannot be used');
      onUnusable?.(version, error);
      if (isHeadlandError(error, 'HL_HEAD_INVALID')) await this.#putAside(version);
      return null;
    }
  }

  async #putAside(version: number): Promise<void> {
    try {
      await moveAside(this.#path(version));
    } catch (error) {
      this.#log?.warn(
        { version, err: messageOf(error) },
        'the damaged head could not be set aside',
      );
    }
  }

  async #move(
    version: number,
    event: 'promoted' | 'rolled-back',
    by: Switcher | null,
  ): Promise<void> {
    const pinned = await this.#pointer.pinned();
    await this.#pointer.set(version, event, by);
    // What is left of a pin whose version could not serve must not come back with that version.
    if (pinned === null) await this.#pointer.pin(null, by);
    else if (pinned !== version) await this.#pointer.pin(version, by);
  }

  /** A disk that cannot store the pointer must not stop a head that works. */
  async #fallBack(wanted: number | null, version: number | null): Promise<void> {
    if (version !== wanted) {
      this.#log?.error(
        { wanted, version },
        'the selected head cannot serve; another head serves instead',
      );
    }
    try {
      await this.#pointer.set(version, 'fell-back');
    } catch (error) {
      this.#log?.error({ version, err: messageOf(error) }, 'the pointer could not be updated');
    }
  }

  async #prune(): Promise<void> {
    const [current, served, { valid, corrupt }] = await Promise.all([
      this.#pointer.read(),
      this.#pointer.everServed(),
      listVersions(this.dir),
    ]);
    for (const version of versionsToRemove(valid, served, current, this.#keep)) {
      await this.#remove(this.#path(version));
    }
    for (const version of corrupt.slice(0, -this.#keep)) {
      await this.#remove(`${this.#path(version)}.corrupt`);
    }
  }

  /** Renames first: a half-removed directory must never look like a version. */
  async #remove(path: string): Promise<void> {
    const grave = join(this.dir, `.removed-${randomUUID()}`);
    try {
      await rename(path, grave);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await rm(grave, { recursive: true });
  }

  async #highest(): Promise<number> {
    const { valid, corrupt } = await listVersions(this.dir);
    return Math.max(0, ...valid, ...corrupt, ...(await this.#pointer.everServed()));
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

function notServing(version: number, current: number | null): HeadlandError {
  const serves = current === null ? 'no head serves' : `head ${current} serves`;
  return new HeadlandError('HL_HEAD_NOT_SERVING', `head ${version} cannot be pinned: ${serves}`, {
    remedy: `Switch to it first: \`headland rollback ${version}\`, then pin it.`,
    details: { version, current },
  });
}
