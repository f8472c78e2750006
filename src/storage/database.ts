import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Libsql from 'libsql';
import { makeFolderSync } from '../base/make-folder.js';
import { storeError } from './store-error.js';
import { type SqlValue, whyUnstorable } from './values.js';

export interface Statement<Row> {
  /** Runs it to its end; `changes` = rows written. */
  run(...parameters: SqlValue[]): { changes: number; lastInsertRowid: number };
  /** The first row. Blobs are `Uint8Array`. */
  get(...parameters: SqlValue[]): Row | undefined;
  /** All rows, in memory at once: bound the query where a table can grow. */
  all(...parameters: SqlValue[]): Row[];
}

/**
 * One connection to one SQLite file: the part of better-sqlite3's API that headland uses, over
 * libsql. It stands between because libsql 0.5 ends the whole process when it is handed a boolean
 * or a lone Blob, cuts strings at NUL, loses the first error when a full disk has already rolled
 * back, returns blobs as two different types and adds a field to rows. Statements are prepared
 * once and kept.
 *
 * Nothing outside this file sees the libsql connection. Every method throws HL_STORE_… as {@link storeError} maps them.
 */
export class Database {
  readonly path: string;
  private readonly native: Libsql.Database;
  private readonly statements = new Map<string, Statement<never>>();
  private depth = 0;

  constructor(path: string, native: Libsql.Database) {
    this.path = path;
    this.native = native;
  }

  get inTransaction(): boolean {
    return this.native.inTransaction;
  }

  /** Prepares `sql`, or returns what was prepared for the same text before. */
  prepare<Row>(sql: string): Statement<Row> {
    const known = this.statements.get(sql);
    if (known) return known as Statement<Row>;
    const native = this.guard(() => this.native.prepare(sql));
    const statement: Statement<Row> = {
      run: (...parameters) => {
        const { changes, lastInsertRowid } = this.guard(() => native.run(check(parameters)));
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

  /** `pragma('user_version')`: the rows that the pragma returns. */
  pragma(source: string): Record<string, SqlValue>[] {
    return this.guard(() => this.native.prepare(`PRAGMA ${source}`).all([])).map(
      (row) => clean(row) as Record<string, SqlValue>,
    );
  }

  /**
   * Wraps `work` so that everything it writes is committed at once and durable when the call
   * returns, or, when it throws, not at all. Called inside another transaction it becomes part of
   * it, and a throw undoes only its own part. `work` must be synchronous.
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
        return result;
      } catch (error) {
        // A full disk makes SQLite roll back by itself; a second ROLLBACK would hide the reason.
        if (this.native.inTransaction) {
          this.exec(outermost ? 'ROLLBACK' : `ROLLBACK TO ${name}; RELEASE ${name}`);
        }
        throw error;
      } finally {
        this.depth -= 1;
      }
    };
  }

  /** Moves the write-ahead log into the main file and closes. May be called twice. */
  close(): void {
    if (!this.native.open) return;
    try {
      this.native.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // The log stays beside the file and is read at the next start: nothing is lost.
    }
    this.statements.clear();
    this.native.close();
  }

  private guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw storeError(error, this.path);
    }
  }
}

/**
 * Opens the database file at `path`, creating it (mode 0600) and its folder (mode 0700) when they
 * are missing. WAL with `synchronous=FULL`: what is committed survives a power cut, as far as the
 * disk keeps its word. Other processes may open it at the same time; a writer waits up to 5 s.
 * @throws HeadlandError HL_STORE_CORRUPT (the file is left as it is), HL_STORE_FULL,
 *   HL_STORE_BUSY, HL_STORE_READ_ONLY, HL_STORE_UNAVAILABLE, HL_STORE_IO
 */
export function openDatabase(path: string): Database {
  let native: Libsql.Database | undefined;
  try {
    createPrivately(path);
    native = new Libsql(path);
    const database = new Database(path, native);
    database.pragma('busy_timeout = 5000');
    // Read before anything is written: a damaged file must stay as it is.
    database.prepare('SELECT count(*) AS n FROM sqlite_schema').get();
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('wal_autocheckpoint = 1000');
    database.pragma('journal_size_limit = 16777216');
    return database;
  } catch (error) {
    native?.close();
    throw storeError(error, path);
  }
}

/**
 * Looks through every page for damage: for `doctor`, not for each start (it reads the whole file).
 * Returns what SQLite finds, in its words; empty = sound.
 */
export function findDamage(database: Database): string[] {
  return database
    .pragma('quick_check(20)')
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== 'ok');
}

function createPrivately(path: string): void {
  const folder = dirname(path);
  const created = makeFolderSync(folder, 0o700);
  closeSync(openSync(path, 'a', 0o600));
  if (created === null) return;
  const parent = openSync(dirname(created), 'r');
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

/**
 * libsql takes an array safely; a lone Blob or null would end the process or fail.
 * @throws TypeError for a value that SQLite cannot keep as it is
 */
function check(parameters: SqlValue[]): SqlValue[] {
  for (const value of parameters) {
    const problem = whyUnstorable(value);
    if (problem !== null) throw new TypeError(`not a value for SQLite: ${problem}`);
  }
  return parameters;
}

function clean(row: unknown): Record<string, SqlValue> {
  const cleaned: Record<string, SqlValue> = {};
  for (const [column, value] of Object.entries(row as Record<string, unknown>)) {
    if (column === '_metadata') continue;
    cleaned[column] = value instanceof ArrayBuffer ? new Uint8Array(value) : (value as SqlValue);
  }
  return cleaned;
}
