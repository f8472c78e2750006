import { accessSync, closeSync, constants, fsyncSync, openSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type Libsql from 'libsql';
import type { HeadlandError } from '../base/errors.js';
import { createPrivateFile, createPrivateFileUnlessThere } from '../base/files/inherit-owner.js';
import { makeFolderSync } from '../base/files/make-folder.js';
import { damagedFile } from './store-error.js';

// An import would parse the package for its exports first: 5 to 10 ms of each command.
const LibsqlDatabase = createRequire(import.meta.url)('libsql') as typeof Libsql;

/** Free pages can leave a file of this mode in small steps: 5 bytes for each page say where it belongs. */
const GIVES_SPACE_BACK = 'PRAGMA auto_vacuum = INCREMENTAL';

/**
 * `file`: the database file, open for writing; `view`: a cleanly closed file, read-only, on a disk
 * that has become read-only; `memory`: empty tables, because the file cannot be read.
 */
export type ConnectionKind = 'file' | 'view' | 'memory';

/** A libsql connection and what it is open on. */
export interface Connection {
  native: Libsql.Database;
  kind: ConnectionKind;
  /** Why the connection is not to the file itself; null: it is. */
  standsInFor: HeadlandError | null;
  /**
   * Identity of the file, to detect that it was replaced or removed; null: the connection is not to
   * the file itself.
   */
  identity: string | null;
}

/**
 * Opens the file for writing.
 * @param create makes it (mode 0600) and its folder (mode 0700) when missing; else ENOENT is thrown
 * @param waitMs how long a writer waits for another process
 */
export function openFile(path: string, create: boolean, waitMs = 5_000): Connection {
  if (create) createPrivately(path);
  else requireWritable(path);
  // SQLite would fill it with new tables, and the loss of the old ones would go unnoticed.
  if (!create && sizeOf(path) === 0) throw damagedFile(path, 'it is empty');
  const native = new LibsqlDatabase(path);
  try {
    native.exec(`PRAGMA busy_timeout = ${waitMs}`);
    // Read before anything is written: a damaged file must stay as it is.
    readSchema(native);
    // Only before the first table, and before the log.
    if (create && sizeOf(path) === 0) native.exec(GIVES_SPACE_BACK);
    native.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA wal_autocheckpoint = 1000;
      PRAGMA journal_size_limit = 16777216;
    `);
    return { native, kind: 'file', standsInFor: null, identity: identityOf(path) };
  } catch (error) {
    native.close();
    throw error;
  }
}

/**
 * A connection without writing: to the file, if its disk is read-only and the file was cleanly
 * closed; else to empty tables.
 */
export function openStandIn(path: string, reason: HeadlandError): Connection {
  const native = openView(path);
  return native ? { native, kind: 'view', standsInFor: reason, identity: null } : openEmpty(reason);
}

/**
 * A connection that writes nothing, to look at a file.
 * @param immutable no other process has the file open, and its log is empty
 */
export function openForReading(path: string, immutable: boolean): Connection {
  const native = new LibsqlDatabase(immutable ? `${pathToFileURL(path).href}?immutable=1` : path);
  try {
    native.exec('PRAGMA busy_timeout = 5000');
    native.exec('PRAGMA query_only = ON');
    readSchema(native);
    return { native, kind: 'view', standsInFor: null, identity: null };
  } catch (error) {
    native.close();
    throw error;
  }
}

/**
 * A new file that is worthless until it is complete: nothing is flushed before {@link closeComplete}.
 * @throws EEXIST
 */
export function openNew(path: string): Connection {
  createPrivateFile(path);
  return openUnfinished(path);
}

/** Goes on with a file of {@link openNew}. */
export function openUnfinished(path: string): Connection {
  const native = new LibsqlDatabase(path);
  // Of no effect on a file that has tables.
  native.exec(GIVES_SPACE_BACK);
  native.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000');
  return { native, kind: 'file', standsInFor: null, identity: null };
}

/** Closes a file of {@link openNew}; it is on the disk when this returns. */
export function closeComplete(path: string, { native }: Connection): void {
  native.close();
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Moves the write-ahead log into the file as far as no other connection needs it; makes nobody wait.
 * @throws as libsql
 */
export function checkpoint(path: string): void {
  const native = new LibsqlDatabase(path);
  try {
    native.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } finally {
    native.close();
  }
}

/**
 * Rewrites the whole file as one transaction, so that it gives space back from now on. Needs the size of the
 * file in memory and on the disk.
 * @throws as libsql, for example when another process has the file locked
 */
export function rewriteFile({ native }: Connection): void {
  const [before] = native.prepare('PRAGMA busy_timeout').all([]) as { timeout: number }[];
  native.exec(`${GIVES_SPACE_BACK}; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 0`);
  try {
    native.exec('VACUUM');
  } finally {
    native.exec(`PRAGMA temp_store = DEFAULT; PRAGMA busy_timeout = ${before?.timeout ?? 0}`);
  }
}

/** Tables in memory, for a while. */
export function openInMemory(): Connection {
  const native = new LibsqlDatabase(':memory:');
  return { native, kind: 'memory', standsInFor: null, identity: null };
}

/** Like {@link openStandIn}, for a file that cannot be used at all. */
export function openEmpty(reason: HeadlandError): Connection {
  return { native: emptyTables(), kind: 'memory', standsInFor: reason, identity: null };
}

/** Device and inode of the file at a path; null: there is none. */
export function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return null;
  }
}

/** Checkpoints the write-ahead log and closes; ignores errors of a disk that is gone. */
export function closeQuietly({ native }: Connection): void {
  try {
    native.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // The log stays beside the file, and the next start reads it: nothing is lost.
  }
  try {
    native.close();
  } catch {
    // Its resources are freed with the process.
  }
}

function openView(path: string): Libsql.Database | null {
  // After a crash the newest pages are in the log. Reading both would make SQLite share a read-only
  // index of the log with every later connection of this process, none of which could then write.
  // The file without its log may be inconsistent.
  if (!isOnReadOnlyDisk(path) || sizeOf(`${path}-wal`) > 0) return null;
  let native: Libsql.Database | null = null;
  try {
    native = new LibsqlDatabase(`${pathToFileURL(path).href}?immutable=1`);
    readSchema(native);
    native.exec('PRAGMA query_only = ON');
    return native;
  } catch {
    native?.close();
    return null;
  }
}

function emptyTables(): Libsql.Database {
  const native = new LibsqlDatabase(':memory:');
  native.exec('PRAGMA query_only = ON');
  return native;
}

function readSchema(native: Libsql.Database): void {
  native.prepare('SELECT count(*) AS n FROM sqlite_schema').get([]);
}

/** False on a writable disk without permission: another process may be writing there. */
function isOnReadOnlyDisk(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** SQLite itself flushes the name of the file, with that of its log. */
function createPrivately(path: string): void {
  makeFolderSync(dirname(path), 0o700);
  // An existing file keeps its owner.
  if (!createPrivateFileUnlessThere(path)) requireWritable(path);
}

/**
 * Looks without opening the file. To close any descriptor of it would drop the locks that other
 * connections of this process have on it. Another process could then take itself for the last one, and
 * delete the log under them: what they commit from then on would be lost.
 */
function requireWritable(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
}
