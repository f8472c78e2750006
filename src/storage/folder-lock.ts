import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, truncateSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type Libsql from 'libsql';
import { HeadlandError, isHeadlandError } from '../base/errors.js';
import { createPrivateFileUnlessThere } from '../base/files/inherit-owner.js';
import { storeError } from './store-error.js';

export interface FolderLock {
  release(): void;
}

/** Open connections: one that is collected as garbage would give its lock up. */
const held = new Set<Libsql.Database>();

/**
 * Locks a folder for a purpose, by SQLite's lock on the empty file `<purpose>.lock` in it. Every process
 * that sees the folder sees the lock, also from another network namespace or another machine; the kernel
 * releases it when the process ends, however it ends. Nothing is written, so a full disk does not matter
 * once the file exists. The same process is refused, too.
 *
 * The file must not be opened otherwise: closing it would release the lock of this process (fcntl(2)).
 * @param directory must exist
 * @throws HeadlandError HL_STORE_BUSY when another holds it; HL_STORE_READ_ONLY, HL_STORE_FULL,
 *   HL_STORE_UNAVAILABLE, HL_STORE_IO when the folder cannot be locked
 */
export function lockFolder(directory: string, purpose: string): FolderLock {
  const path = join(directory, `${purpose}.lock`);
  try {
    createPrivateFileUnlessThere(path);
    const native = lockFile(path);
    held.add(native);
    return {
      release: () => {
        held.delete(native);
        native.close();
      },
    };
  } catch (error) {
    const meant = storeError(error, path);
    if (!isHeadlandError(meant, 'HL_STORE_BUSY') || locksWork(directory)) throw meant;
    // SQLite calls it busy, too, when a network file system has no lock service (ENOLCK).
    throw new HeadlandError('HL_STORE_UNAVAILABLE', `${directory}: its file system has no locks`, {
      remedy: 'Start the lock service of the network file system, or set another paths.stateDir.',
      details: { directory },
      cause: error,
    });
  }
}

/** Whether another process, or this one, holds the lock of {@link lockFolder}. Creates no file. */
export function isFolderLocked(directory: string, purpose: string): boolean {
  if (!existsSync(join(directory, `${purpose}.lock`))) return false;
  try {
    lockFolder(directory, purpose).release();
    return false;
  } catch (error) {
    return isHeadlandError(error, 'HL_STORE_BUSY');
  }
}

/** Whether a file that nobody else knows can be locked. */
function locksWork(directory: string): boolean {
  const path = join(directory, `.probe-${randomUUID()}.lock`);
  try {
    createPrivateFileUnlessThere(path);
    openExclusively(path).close();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { force: true });
  }
}

function lockFile(path: string): Libsql.Database {
  try {
    return openExclusively(path);
  } catch (error) {
    if (!isHeadlandError(storeError(error, path), 'HL_STORE_CORRUPT')) throw error;
    // Nobody holds it, else it would be busy. Its content means nothing.
    truncateSync(path);
    return openExclusively(path);
  }
}

function openExclusively(path: string): Libsql.Database {
  const LibsqlDatabase = createRequire(import.meta.url)('libsql') as typeof Libsql;
  const native = new LibsqlDatabase(path);
  try {
    // In memory: else a journal would stay beside the file after a crash.
    native.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return native;
  } catch (error) {
    native.close();
    throw error;
  }
}
