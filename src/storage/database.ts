import { rmSync } from 'node:fs';
import type Libsql from 'libsql';
import { HeadlandError, isHeadlandError } from '../base/errors.js';
import { Checkpointer, PAGE_BYTES } from './log/checkpointer.js';
import { LogFlush } from './log/log-flush.js';
import {
  type Connection,
  closeComplete,
  closeQuietly,
  identityOf,
  openEmpty,
  openFile,
  openInMemory,
  openNew,
  openStandIn,
  openUnfinished,
  rewriteFile,
} from './sqlite-connection.js';
import { lockedFile, storeError } from './store-error.js';
import { type SqlValue, whyUnstorable } from './values.js';

/** How long a connection waits for another process, see {@link Database.doNotBlock}. */
const BRIEF_WAIT_MS = 100;
/** Pages of the log at which the connection itself empties it, should the {@link Checkpointer} fail. */
const LOG_MAX_PAGES = 4_000;
/** Number of values that {@link Database.probe} cycles through. */
const PROBES = 1_000;

export interface Statement<Row> {
  /** Runs the statement to its end; `changes` = rows written. */
  run(...parameters: SqlValue[]): { changes: number; lastInsertRowid: number };
  /** The first row. Blobs are `Uint8Array`. */
  get(...parameters: SqlValue[]): Row | undefined;
  /** All rows, in memory at once: bound the query where a table can grow. */
  all(...parameters: SqlValue[]): Row[];
}

/**
 * One connection to one SQLite file: the part of better-sqlite3's API that headland uses, over
 * libsql. It works around defects of libsql 0.5, which ends the whole process on a boolean or a
 * lone Blob, cuts strings at NUL, loses the first error after a full disk has caused a rollback,
 * returns blobs as two different types and adds a field to rows. Statements are prepared once and
 * kept.
 *
 * If the file cannot be opened for writing, a stand-in replaces it (see
 * {@link openDatabaseOrStandIn}): reading works, and every write throws the reason. {@link reopen}
 * switches back to the file once it can be opened.
 *
 * No file outside this folder sees the libsql connection. Every method throws HL_STORE_… as
 * {@link storeError} maps them.
 */
export class Database {
  readonly path: string;
  private connection: Connection;
  private readonly onTrouble: (error: HeadlandError) => void;
  private readonly setups: (() => void)[] = [];
  private readonly statements = new Map<string, Statement<never>>();
  private depth = 0;
  /** Bytes of the values written in the open transaction. */
  private writtenBytes = 0;
  /** Null: each commit waits for the disk and for other processes, see {@link doNotBlock}. */
  private behind: { flush: LogFlush; checkpointer: Checkpointer } | null = null;
  /**
   * Once open, a missing file is not created again: an empty one would hide the loss of the old.
   */
  private wasOpen: boolean;

  /**
   * @param onTrouble called before a disk error is thrown
   * @param mayCreate a missing file is created by {@link reopen}
   * @param mayStandIn empty tables replace a file that turns out to be damaged while it is set up
   */
  constructor(
    path: string,
    connection: Connection,
    onTrouble: (error: HeadlandError) => void = () => {},
    mayCreate = true,
    private readonly mayStandIn = false,
  ) {
    this.path = path;
    this.connection = connection;
    this.onTrouble = onTrouble;
    this.wasOpen = connection.kind === 'file' || !mayCreate;
  }

  /** Why a stand-in replaces the file; null: the file is open. */
  get standsInFor(): HeadlandError | null {
    return this.connection.standsInFor;
  }

  private get native(): Libsql.Database {
    return this.connection.native;
  }

  /**
   * Runs `setup` now and again after each {@link reopen}. A setup brings tables up to date and
   * reads what is kept of them in memory. It must replace everything that an earlier run left
   * there.
   */
  whenOpened(setup: () => void): void {
    this.setups.push(setup);
    this.runSetups([setup]);
  }

  /**
   * Opens the file again, in place of a stand-in or of a connection whose disk has gone. Must not
   * be called within a transaction.
   * @throws HeadlandError HL_STORE_…; the old connection is in use again then
   */
  reopen(): void {
    const before = this.connection;
    const waitMs = this.behind ? 0 : undefined;
    this.use(this.guard(() => openFile(this.path, !this.wasOpen, waitMs)));
    this.behind?.flush.moved();
    try {
      for (const setup of this.setups) setup();
    } catch (error) {
      closeQuietly(this.connection);
      this.use(before);
      this.runSetups(this.setups);
      throw error;
    }
    closeQuietly(before);
    this.wasOpen = true;
  }

  /**
   * Closes a file that is no longer at its path because its disk was removed or it was deleted:
   * writes to it would be lost. A stand-in replaces it.
   * @returns the reason; null: the file is still there
   */
  closeLostFile(): HeadlandError | null {
    const { identity } = this.connection;
    if (identity === null || identity === identityOf(this.path)) return null;
    const lost = new HeadlandError(
      'HL_STORE_UNAVAILABLE',
      `${this.path}: the file is gone, or another one is in its place`,
      {
        remedy: 'Put the disk back; to begin with an empty state folder, start headland again.',
        details: { path: this.path },
      },
    );
    const before = this.connection;
    this.use(openStandIn(this.path, lost));
    this.behind?.flush.lost(lost);
    this.runSetups(this.setups);
    closeQuietly(before);
    return lost;
  }

  /**
   * Writes an otherwise unused value as durably as any other, to test whether the disk accepts writes.
   * @throws HeadlandError HL_STORE_…
   */
  probe(): void {
    const [row] = this.pragma('user_version');
    const before = Number(row?.user_version ?? 0);
    this.exec(`PRAGMA user_version = ${(before + 1) % PROBES}`);
    this.wrote();
  }

  /**
   * Closes a damaged file, which must not be written any more. Empty tables replace it until
   * {@link reopen}. Must not be called within a transaction.
   */
  putAside(reason: HeadlandError): void {
    const before = this.connection;
    this.use(openEmpty(reason));
    this.behind?.flush.lost(reason);
    this.runSetups(this.setups);
    // Without moving the log into the file.
    before.native.close();
  }

  /**
   * From now on no call waits for the disk, and a writer waits 100 ms for another process, then fails with
   * HL_STORE_BUSY, and the next ones fail at once until the lock is gone: for a thread that must not stand
   * still. A commit is on the disk soon after it returned, and for certain when {@link settled} resolves.
   * Commits keep their order: a power cut loses none without all that came after it.
   */
  doNotBlock(): void {
    const failed = (cause: unknown): unknown => {
      const meant = storeError(cause, this.path);
      if (isHeadlandError(meant) && meant.code !== 'HL_STORE_BUSY') this.onTrouble(meant);
      return meant;
    };
    this.behind = {
      flush: new LogFlush(`${this.path}-wal`, {
        writeWithoutLog: () => this.emptyLog(),
        failed,
      }),
      checkpointer: new Checkpointer(this.path, failed),
    };
    this.applyMode();
  }

  /**
   * Resolves when everything committed before is on the disk: await it before anybody is told that something
   * is stored.
   * @throws HeadlandError HL_STORE_…: it may not be
   */
  async settled(): Promise<void> {
    await this.behind?.flush.settled();
  }

  /** Number of commits that did not wait for the disk, since {@link doNotBlock}. */
  get commits(): number {
    return this.behind?.flush.commits ?? 0;
  }

  /** Resolves when no other thread works for this connection, before {@link close}. Never throws. */
  async idle(): Promise<void> {
    await this.behind?.flush.close();
    await this.behind?.checkpointer.idle();
  }

  /**
   * Whether another process keeps writers out now. Waits for nothing and writes nothing.
   * @throws HeadlandError HL_STORE_…
   */
  isLocked(): boolean {
    if (this.connection.kind !== 'file' || this.native.inTransaction) return false;
    this.waitFor(0);
    try {
      this.exec('BEGIN IMMEDIATE');
      this.exec('ROLLBACK');
    } catch (error) {
      if (isHeadlandError(error, 'HL_STORE_BUSY')) return true;
      throw error;
    }
    if (this.behind) this.waitFor(BRIEF_WAIT_MS);
    return false;
  }

  /** What a write would throw while {@link isLocked}. */
  lockedError(): HeadlandError {
    return lockedFile(this.path);
  }

  get inTransaction(): boolean {
    return this.native.inTransaction;
  }

  /** Prepares `sql`, or returns the statement prepared earlier for the same text. */
  prepare<Row>(sql: string): Statement<Row> {
    const known = this.statements.get(sql);
    if (known) return known as Statement<Row>;
    const native = this.guard(() => this.native.prepare(sql));
    const statement: Statement<Row> = {
      run: (...parameters) => {
        const { changes, lastInsertRowid } = this.guard(() => native.run(check(parameters)));
        this.writtenBytes += parameters.reduce<number>((sum, value) => sum + bytesOf(value), 0);
        if (this.depth === 0) this.wrote();
        return { changes, lastInsertRowid: Number(lastInsertRowid) };
      },
      get: (...parameters) => {
        const row = this.guard(() => native.get(check(parameters)));
        return row === undefined || row === null ? undefined : (clean(row) as Row);
      },
      all: (...parameters) =>
        this.guard(() => native.all(check(parameters))).map((row) => clean(row) as Row),
    };
    this.statements.set(sql, statement as Statement<never>);
    return statement;
  }

  /** Runs one or more statements that take no parameters. */
  exec(sql: string): void {
    this.guard(() => this.native.exec(sql));
  }

  /** Runs `PRAGMA source`, for example `pragma('user_version')`, and returns its rows. */
  pragma(source: string): Record<string, SqlValue>[] {
    return this.guard(() => this.native.prepare(`PRAGMA ${source}`).all([])).map(
      (row) => clean(row) as Record<string, SqlValue>,
    );
  }

  /**
   * Wraps `work` in a transaction: its writes are committed atomically and durable when the call
   * returns, unless {@link doNotBlock}; when it throws, nothing is written. Inside another transaction it becomes part of that
   * one, and a throw undoes only its own part. `work` must be synchronous.
   */
  transaction<Arguments extends unknown[], Result>(
    work: (...args: Arguments) => Result,
  ): (...args: Arguments) => Result {
    return (...args) => {
      const name = `level_${this.depth}`;
      const outermost = this.depth === 0;
      // Immediate: a reader that becomes a writer half-way fails at once instead of waiting.
      this.exec(outermost ? 'BEGIN IMMEDIATE' : `SAVEPOINT ${name}`);
      this.depth += 1;
      try {
        const result = work(...args);
        this.exec(outermost ? 'COMMIT' : `RELEASE ${name}`);
        if (outermost) this.wrote();
        return result;
      } catch (error) {
        // On a full disk SQLite rolls back by itself; a second ROLLBACK would hide the reason.
        if (this.native.inTransaction) {
          this.exec(outermost ? 'ROLLBACK' : `ROLLBACK TO ${name}; RELEASE ${name}`);
        }
        throw error;
      } finally {
        this.depth -= 1;
      }
    };
  }

  /**
   * Takes at most so many free pages out of the file, as one transaction. Each one may move a page that is in
   * use. The file itself is shorter after the next checkpoint.
   * @throws HeadlandError HL_STORE_…
   */
  takeFreePages(atMost: number): void {
    this.transaction(() => {
      this.pragma(`incremental_vacuum(${atMost})`);
      this.writtenBytes += atMost * PAGE_BYTES;
    })();
  }

  /**
   * Makes a file of an older headland one from which {@link takeFreePages} takes pages. Rewrites all of it, and
   * keeps other writers out meanwhile; fails at once if one is there.
   * @throws HeadlandError HL_STORE_…: the file is as it was
   */
  rewrite(): void {
    this.guard(() => rewriteFile(this.connection));
  }

  /** Moves the write-ahead log into the main file and closes. May be called twice. */
  close(): void {
    if (!this.native.open) return;
    void this.behind?.flush.close();
    this.statements.clear();
    closeQuietly(this.connection);
  }

  private use(connection: Connection): void {
    this.statements.clear();
    this.connection = connection;
    this.applyMode();
  }

  private applyMode(): void {
    if (!this.behind) return;
    this.waitFor(BRIEF_WAIT_MS);
    if (this.connection.kind !== 'file') return;
    // The first commit after a checkpoint still waits for the disk: its log would be read together with
    // what is left of the old one.
    this.native.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${LOG_MAX_PAGES}`);
  }

  /** A transaction was committed. */
  private wrote(): void {
    if (this.behind && this.connection.kind === 'file') {
      this.behind.flush.wrote();
      this.behind.checkpointer.wrote(this.writtenBytes);
    }
    this.writtenBytes = 0;
  }

  /** Moves the whole log into the file, and waits for the disk. @throws HeadlandError HL_STORE_… */
  private emptyLog(): void {
    if (this.connection.standsInFor) throw this.connection.standsInFor;
    const [row] = this.pragma('wal_checkpoint(FULL)');
    if (row?.busy !== 0) throw this.lockedError();
  }

  private waitFor(ms: number): void {
    this.native.exec(`PRAGMA busy_timeout = ${ms}`);
  }

  private runSetups(setups: readonly (() => void)[]): void {
    const { kind, standsInFor } = this.connection;
    if (standsInFor === null) {
      this.runOnFile(setups);
    } else if (kind === 'memory') {
      this.inEmptyTables(setups);
    } else {
      try {
        for (const setup of setups) setup();
      } catch {
        // Tables of an older headland cannot be migrated on a read-only disk.
        closeQuietly(this.connection);
        this.use(openEmpty(standsInFor));
        this.inEmptyTables(this.setups);
      }
    }
  }

  /** @param setups of which one may find that the file is damaged */
  private runOnFile(setups: readonly (() => void)[]): void {
    try {
      for (const setup of setups) setup();
    } catch (error) {
      if (!this.mayStandIn || !isHeadlandError(error, 'HL_STORE_CORRUPT')) throw error;
      this.putAside(error);
    }
  }

  private inEmptyTables(setups: readonly (() => void)[]): void {
    this.native.exec('PRAGMA query_only = OFF');
    try {
      for (const setup of setups) setup();
    } finally {
      this.native.exec('PRAGMA query_only = ON');
    }
  }

  private guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      const { standsInFor } = this.connection;
      const meant = storeError(error, this.path);
      if (!isHeadlandError(meant)) throw meant;
      if (standsInFor !== null && meant.code === 'HL_STORE_READ_ONLY') throw standsInFor;
      // A long write of another process is not a disk fault.
      if (meant.code !== 'HL_STORE_BUSY') this.onTrouble(meant);
      // One wait is enough: what comes until the lock is gone fails at once.
      else if (this.behind) this.waitFor(0);
      throw meant;
    }
  }
}

/**
 * Opens the database file at `path`; creates it (mode 0600) and its folder (mode 0700) when
 * missing. WAL with `synchronous=FULL`: committed data survives a power cut if the disk honours its
 * flushes. Other processes may open the file at the same time; a writer waits up to 5 s.
 * @throws HeadlandError HL_STORE_CORRUPT (the file is left as it is), HL_STORE_FULL, HL_STORE_BUSY,
 *   HL_STORE_READ_ONLY, HL_STORE_UNAVAILABLE, HL_STORE_IO
 */
export function openDatabase(path: string): Database {
  try {
    return new Database(path, openFile(path, true));
  } catch (error) {
    throw storeError(error, path);
  }
}

/**
 * Like {@link openDatabase}, but if the file cannot be opened, a stand-in replaces it until
 * {@link Database.reopen}: the file itself, read-only, on a disk that has become read-only; else
 * empty tables.
 * @param onTrouble see {@link Database}; also called when the file cannot be opened
 */
export function openDatabaseOrStandIn(
  path: string,
  onTrouble: (error: HeadlandError) => void,
): Database {
  return openOrStandIn(path, onTrouble, true);
}

/**
 * For a thread or process beside the daemon: opens the file of the daemon, and never creates one where
 * it has gone, for example with its disk.
 * @throws HeadlandError as {@link openDatabase}
 */
export function openPresentDatabase(path: string): Database {
  try {
    return new Database(path, openFile(path, false));
  } catch (error) {
    throw storeError(error, path);
  }
}

/** Like {@link openPresentDatabase}, with a stand-in as in {@link openDatabaseOrStandIn}. */
export function openPresentDatabaseOrStandIn(path: string): Database {
  return openOrStandIn(path, () => {}, false);
}

/**
 * A stand-in of empty tables for a file that must not be touched before it is repaired.
 * @param onTrouble see {@link Database}
 */
export function standInFor(
  path: string,
  reason: HeadlandError,
  onTrouble: (error: HeadlandError) => void,
): Database {
  onTrouble(reason);
  return new Database(path, openEmpty(reason), onTrouble, false, true);
}

/**
 * Makes a database of its own at `path`, and writes it to the disk.
 * @param fill writes its content; when it throws, no file is left
 * @throws HeadlandError HL_STORE_…; EEXIST
 */
export function createDatabase<T>(path: string, fill: (database: Database) => T): T {
  return fillDatabase(path, openNew, fill);
}

/** Adds to a file of {@link createDatabase}, in the same way. */
export function completeDatabase<T>(path: string, fill: (database: Database) => T): T {
  return fillDatabase(path, openUnfinished, fill);
}

function fillDatabase<T>(
  path: string,
  open: (path: string) => Connection,
  fill: (database: Database) => T,
): T {
  let connection: Connection;
  try {
    connection = open(path);
  } catch (error) {
    throw storeError(error, path);
  }
  try {
    const result = fill(new Database(path, connection));
    closeComplete(path, connection);
    return result;
  } catch (error) {
    closeQuietly(connection);
    rmSync(path, { force: true });
    throw storeError(error, path);
  }
}

/** A database in memory. */
export function databaseInMemory(): Database {
  return new Database(':memory:', openInMemory());
}

function openOrStandIn(
  path: string,
  onTrouble: (error: HeadlandError) => void,
  mayCreate: boolean,
): Database {
  try {
    return new Database(path, openFile(path, mayCreate), onTrouble, mayCreate, true);
  } catch (error) {
    const reason = storeError(error, path);
    if (!isHeadlandError(reason)) throw reason;
    onTrouble(reason);
    return new Database(path, openStandIn(path, reason), onTrouble, mayCreate, true);
  }
}

/**
 * Checks every page for damage: for `doctor`, not for each start, because it reads the whole file.
 * Returns the findings in SQLite's words; empty = sound.
 */
export function findDamage(database: Database): string[] {
  return database
    .pragma('quick_check(20)')
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== 'ok');
}

/**
 * libsql accepts an array safely; a lone Blob or null would end the process or fail.
 * @throws TypeError for a value that SQLite cannot store unchanged
 */
function check(parameters: SqlValue[]): SqlValue[] {
  for (const value of parameters) {
    const problem = whyUnstorable(value);
    if (problem !== null) throw new TypeError(`not a value for SQLite: ${problem}`);
  }
  return parameters;
}

/** About as many as the value takes in the file. */
function bytesOf(value: SqlValue): number {
  if (typeof value === 'string') return value.length;
  return value instanceof Uint8Array ? value.byteLength : 8;
}

function clean(row: unknown): Record<string, SqlValue> {
  const cleaned: Record<string, SqlValue> = {};
  for (const [column, value] of Object.entries(row as Record<string, unknown>)) {
    if (column === '_metadata') continue;
    cleaned[column] = value instanceof ArrayBuffer ? new Uint8Array(value) : (value as SqlValue);
  }
  return cleaned;
}
