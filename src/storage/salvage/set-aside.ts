import { existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectorySync } from '../../base/files/sync-directory.js';

/** A complete file that is about to take the place of a database. */
export function replacementOf(path: string): string {
  return `${path}.repaired`;
}

/**
 * Puts the complete file {@link replacementOf} in the place of a database, and sets the database and its log
 * aside, under names that are free. Interrupted at any point, a second call completes it.
 * @returns where the database is now; null: there was none
 */
export function replaceDatabase(path: string): string | null {
  const aside = setAside(path);
  renameSync(replacementOf(path), path);
  syncDirectorySync(dirname(path));
  return aside;
}

/** Completes a replacement that was interrupted. @returns whether there was one */
export function completeReplacement(path: string): boolean {
  if (!existsSync(replacementOf(path))) return false;
  replaceDatabase(path);
  return true;
}

/** Gives a database and its log other names. @returns that of the database; null: there was none */
export function setAside(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const log = `${path}-wal`;
  const hasLog = (lstatSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (!hasLog) rmSync(log, { force: true });
  // The index can be made again. Beside another database it would be wrong.
  rmSync(`${path}-shm`, { force: true });
  if (found === undefined && !hasLog) return null;
  const aside = freeName(path);
  // The log first: SQLite would take it for that of the next file.
  if (hasLog) renameSync(log, `${aside}-wal`);
  if (found === undefined) return aside;
  renameSync(path, aside);
  syncDirectorySync(dirname(path));
  return aside;
}

function freeName(path: string): string {
  for (let number = 1; ; number++) {
    const name = `${path}.damaged-${number}`;
    if (!existsSync(name) && !existsSync(`${name}-wal`)) return name;
  }
}
