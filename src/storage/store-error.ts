import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ErrorCode, HeadlandError, isHeadlandError, messageOf } from '../base/errors.js';

interface Meaning {
  code: ErrorCode;
  what: string;
  remedy: string;
}

const FULL: Meaning = {
  code: 'HL_STORE_FULL',
  what: 'the disk is full',
  remedy: 'Free space on this disk, or set paths.stateDir to a folder on a larger one.',
};
const BUSY: Meaning = {
  code: 'HL_STORE_BUSY',
  what: 'another process has locked the database for too long',
  remedy:
    'Try again. If the error stays, `fuser headland.db` in the state folder names the process that keeps the database locked: end it.',
};
const READ_ONLY: Meaning = {
  code: 'HL_STORE_READ_ONLY',
  what: 'no write access to the database',
  remedy:
    'Give this user write access to the state folder and its files. If its disk is mounted read-only, mount it read-write.',
};
const CORRUPT: Meaning = {
  code: 'HL_STORE_CORRUPT',
  what: 'the file is damaged or is not a database',
  remedy:
    'Start the daemon, or run `headland verify --repair`: it sets the file aside, saves what can be read, and takes the rest from the newest backup. Or restore a backup (`headland restore FILE`).',
};
const UNAVAILABLE: Meaning = {
  code: 'HL_STORE_UNAVAILABLE',
  what: 'the database cannot be opened',
  remedy:
    'Remove or rename the folder or other object at this path, or set another paths.stateDir.',
};
const IO: Meaning = {
  code: 'HL_STORE_IO',
  what: 'the disk reports an error',
  remedy:
    'Look for errors of the disk in the kernel log (`dmesg`). Replace the card or disk if they repeat.',
};

/** Primary SQLite result codes (the low byte of the extended ones). */
const BY_SQLITE: Record<number, Meaning> = {
  5: BUSY,
  6: BUSY,
  8: READ_ONLY,
  10: IO,
  11: CORRUPT,
  13: FULL,
  14: UNAVAILABLE,
  26: CORRUPT,
};

const BY_ERRNO: Record<string, Meaning> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: READ_ONLY,
  EACCES: READ_ONLY,
  EPERM: READ_ONLY,
  EIO: IO,
  ENOENT: UNAVAILABLE,
  ENOTDIR: UNAVAILABLE,
  EISDIR: UNAVAILABLE,
  EEXIST: UNAVAILABLE,
};

/** With fewer free bytes, an I/O error of SQLite counts as a full disk. */
const FULL_BELOW_BYTES = 65_536;

/**
 * Translates errors of SQLite, libsql or the file system into `HL_STORE_…` errors. Returns any
 * other error unchanged, such as a HeadlandError or an SQL mistake, so that it is not reported as a
 * failing disk.
 *
 * Codes: HL_STORE_FULL, HL_STORE_BUSY, HL_STORE_READ_ONLY, HL_STORE_CORRUPT, HL_STORE_UNAVAILABLE,
 * HL_STORE_IO.
 * @param path of the database or file concerned
 */
export function storeError(error: unknown, path: string): unknown {
  if (error instanceof HeadlandError) return error;
  const meaning = meaningOf(error, path);
  if (!meaning) return error;
  return new HeadlandError(meaning.code, `${path}: ${meaning.what} (${messageOf(error)})`, {
    remedy: meaning.remedy,
    details: { path },
    cause: error,
  });
}

/** HL_STORE_CORRUPT for damage that a check has found. @param found what SQLite says about it */
export function damagedFile(path: string, found: string): HeadlandError {
  return new HeadlandError(CORRUPT.code, `${path}: ${CORRUPT.what} (${found})`, {
    remedy: CORRUPT.remedy,
    details: { path },
  });
}

/** HL_STORE_LOST for a database whose content is gone as a whole. @param found in words */
export function lostRecords(path: string, found: string): HeadlandError {
  return new HeadlandError('HL_STORE_LOST', `${path}: ${found}: samples and labels are missing`, {
    remedy:
      'Start the daemon, or run `headland verify --repair`: it sets the file aside and restores the newest backup. If the database is on another disk, put that disk back first.',
    details: { path },
  });
}

/** HL_STORE_BUSY for a lock that a check has found. */
export function lockedFile(path: string): HeadlandError {
  return new HeadlandError(BUSY.code, `${path}: ${BUSY.what}`, {
    remedy: BUSY.remedy,
    details: { path },
  });
}

/** Whether an error tells that a database must be repaired before it is used. */
export function needsRepair(error: unknown): error is HeadlandError {
  return isHeadlandError(error, 'HL_STORE_CORRUPT') || isHeadlandError(error, 'HL_STORE_LOST');
}

function meaningOf(error: unknown, path: string): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, rawCode } = error as { code?: unknown; rawCode?: unknown };
  const raw =
    typeof rawCode === 'number'
      ? rawCode
      : // libsql reports a failed open without a code, only in its message.
        Number(/^ConnectionFailed\(.*: (\d+)"\)/.exec(error.message)?.[1] ?? Number.NaN);
  const meaning = Number.isNaN(raw)
    ? BY_ERRNO[typeof code === 'string' ? code : '']
    : BY_SQLITE[raw & 0xff];
  // A full disk also causes I/O errors, when the shared-memory file cannot grow.
  if ((meaning === IO || meaning === UNAVAILABLE) && isFull(path)) return FULL;
  return meaning;
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
}
