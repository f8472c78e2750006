import { createWriteStream } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import type { Obstacle } from '../folder/found.js';

export interface ArchiveBounds {
  /** Of one unpacked file; a larger one is left out. */
  maxFileBytes: number;
  /** Of all unpacked files. */
  maxBytes: number;
  maxFiles: number;
}

/** What systems and programs add to archives beside the files of people. */
const CLUTTER = /(^|\/)(__MACOSX|\.DS_Store|Thumbs\.db|desktop\.ini)(\/|$)/i;
const ENCRYPTED = 1;

/**
 * Unpacks a zip archive below an empty folder. No file is written outside it: an archive with a path that
 * leads there is refused whole. What an archive promises is checked before anything is unpacked, and no
 * file becomes larger than promised.
 * @returns files that were left out
 * @throws HeadlandError HL_ARCHIVE_INVALID, HL_ARCHIVE_TOO_LARGE; errors of the file system
 */
export async function unpackArchive(
  path: string,
  dir: string,
  bounds: ArchiveBounds,
): Promise<Obstacle[]> {
  const zip = await openPromise(path, {
    lazyEntries: true,
    autoClose: false,
    strictFileNames: false,
  }).catch((error: unknown) => {
    throw invalid(error);
  });
  try {
    const entries = await readEntries(zip, bounds.maxFiles);
    const files = entries.filter(
      ({ fileName }) => !fileName.endsWith('/') && !CLUTTER.test(fileName),
    );
    const wanted = files.filter(({ uncompressedSize }) => uncompressedSize <= bounds.maxFileBytes);
    const bytes = wanted.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
    if (bytes > bounds.maxBytes) {
      throw tooLarge(`its files have ${bytes} bytes; ${bounds.maxBytes} may be unpacked`);
    }
    const obstacles = files
      .filter((entry) => !wanted.includes(entry))
      .map(({ fileName }) => obstacle(fileName, `has more than ${bounds.maxFileBytes} bytes`));
    for (const entry of wanted) {
      const problem = await unpack(zip, entry, dir);
      if (problem !== null) obstacles.push(obstacle(entry.fileName, problem));
    }
    return obstacles;
  } finally {
    zip.close();
  }
}

function readEntries(zip: ZipFile, maxFiles: number): Promise<Entry[]> {
  if (zip.entryCount > maxFiles) {
    throw tooLarge(`it has ${zip.entryCount} entries; ${maxFiles} are read`);
  }
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.once('end', () => resolve(entries));
    zip.once('error', (error: unknown) => reject(invalid(error)));
    zip.readEntry();
  });
}

/** @returns why the file was left out; null: it was unpacked */
async function unpack(zip: ZipFile, entry: Entry, dir: string): Promise<string | null> {
  if ((entry.generalPurposeBitFlag & ENCRYPTED) !== 0) return 'is encrypted';
  const path = join(dir, entry.fileName);
  try {
    await makeFolder(dirname(path), 0o700);
    const content = await zip.openReadStreamPromise(entry);
    // The pipeline listens until its end. Where the file cannot be written, the archive may fail later.
    content.on('error', () => {});
    await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    // The time of a photo without EXIF.
    const time = entry.getLastModDate();
    await utimes(path, time, time);
    return null;
  } catch (error) {
    if (!isFileError(error)) return `cannot be unpacked: ${messageOf(error)}`;
    if (error.code === 'EEXIST') return 'is in the archive twice';
    if (error.code === 'ENAMETOOLONG' || error.code === 'ENOTDIR') {
      return `cannot be unpacked: ${fileProblem(error)}`;
    }
    throw error;
  }
}

function obstacle(origin: string, problem: string): Obstacle {
  return {
    origin,
    code: 'HL_ARCHIVE_FILE_REFUSED',
    message: `the file ${problem}`,
    reason: problem,
    remedy: 'Pack the file again, without a password, and import again.',
  };
}

function invalid(cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_ARCHIVE_INVALID',
    `the file cannot be read as a zip archive: ${messageOf(cause)}`,
    {
      remedy: 'Pack the folder again as a zip archive, and import that.',
      cause,
    },
  );
}

function tooLarge(why: string): HeadlandError {
  return new HeadlandError('HL_ARCHIVE_TOO_LARGE', `the archive is too large: ${why}`, {
    remedy:
      'Import it in parts, raise console.maxImportBytes, or unpack it on the robot and run `headland import`.',
  });
}
