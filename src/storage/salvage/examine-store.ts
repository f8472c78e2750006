import { lstatSync, type Stats } from 'node:fs';
import type { HeadlandError } from '../../base/errors.js';
import { codeOf } from '../../base/errors.js';
import { damagedFile, lostRecords } from '../store-error.js';
import { DatabasePages } from './database-pages.js';
import { StoredSchema } from './schema-rows.js';

/** What stands beside a database and tells what must be in it. */
export interface StoreWitnesses {
  /** The newest label revision that a trained head has learnt; null: there is no head. */
  headRevision: number | null;
  /** The newest automatic backup; null: there is none. */
  backup: { storeId: string; labelRevision: number } | null;
}

/** Values of a database that identify it. */
export interface StoreIdentity {
  storeId: string | null;
  /** Of the newest entry of the label history; 0: none. */
  labelRevision: number;
}

/** Keys of `meta`. */
export const STORE_ID = 'store-id';
/** The label revision of a head up to which it was told that labels are missing. */
export const LOSS_TOLD = 'loss-told-revision';

/**
 * Looks for damage that is seen without reading every page: an empty, missing or cut file, one that is
 * older than what stands beside it, and a log that has lost transactions. Changes nothing.
 * @returns null: none was found, or the file cannot be read at all, which opening it reports
 */
export function examineStore(path: string, witnesses: StoreWitnesses): HeadlandError | null {
  const { headRevision, backup } = witnesses;
  const isKnown = headRevision !== null || backup !== null;
  const found = statsOf(path);
  if (found === 'unreadable') return null;
  const logBytes = sizeOf(`${path}-wal`);
  if (found === null || (found.isFile() && found.size === 0)) {
    if (!isKnown && logBytes <= LOG_HEADER_BYTES) return null;
    return lostRecords(path, found === null ? 'the file is missing' : 'the file is empty');
  }
  // SQLite completes it when it opens the file. It is there only if the making of a file was cut off.
  if (sizeOf(`${path}-journal`) > 0) return null;
  if (!found.isFile()) return isKnown ? lostRecords(path, 'another object is in its place') : null;
  return examineFile(path, witnesses);
}

/** Reads {@link StoreIdentity} without SQLite. */
export function identityIn(schema: StoredSchema): StoreIdentity {
  const meta = new Map([...schema.rows('meta')].map(([key, value]) => [key, value]));
  const storeId = meta.get(STORE_ID);
  const sequence = [...schema.rows('sqlite_sequence')].find(([name]) => name === 'label_history');
  const revision = sequence?.[1];
  return {
    storeId: typeof storeId === 'string' ? storeId : null,
    labelRevision: typeof revision === 'number' ? revision : 0,
  };
}

const LOG_HEADER_BYTES = 32;

function examineFile(path: string, { headRevision, backup }: StoreWitnesses): HeadlandError | null {
  const pages = new DatabasePages(path);
  try {
    if (!pages.isReadable) return null;
    if (!pages.isDatabase) return damagedFile(path, 'it does not begin as a database does');
    const { missingPages, logLost } = pages;
    if (missingPages > 0) return damagedFile(path, `${missingPages} pages are missing at its end`);
    // Another process may write at this moment: what is lost stays lost.
    if (logLost !== null && new DatabasePages(path).closed().logLost !== null) {
      return damagedFile(path, `${logLost} are lost`);
    }
    const schema = new StoredSchema(pages);
    if (schema.isDamaged) return damagedFile(path, 'the list of its tables is damaged');
    const own = identityIn(schema);
    const comparable = backup && (own.storeId === null || own.storeId === backup.storeId);
    if (comparable && own.labelRevision < backup.labelRevision) {
      return lostRecords(path, 'it is older than the newest backup');
    }
    const told = [...schema.rows('meta')].find(([key]) => key === LOSS_TOLD)?.[1];
    if (headRevision !== null && headRevision > Math.max(own.labelRevision, Number(told ?? 0))) {
      return lostRecords(path, 'it is older than the trained heads');
    }
    return null;
  } finally {
    pages.close();
  }
}

function statsOf(path: string): Stats | null | 'unreadable' {
  try {
    return lstatSync(path);
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? null : 'unreadable';
  }
}

function sizeOf(path: string): number {
  const found = statsOf(path);
  return found !== null && found !== 'unreadable' && found.isFile() ? found.size : 0;
}
