import { constants } from 'node:fs';
import { lstat, open, rename } from 'node:fs/promises';
import { writeFileDurably } from '../base/files/durable-files.js';
import { isFileError } from '../base/files/file-problem.js';

/**
 * What says that a file itself is lost or replaced. Other errors (no permission, too many open files)
 * say nothing about its content.
 */
const DAMAGE: ReadonlySet<string | undefined> = new Set([
  'EBADMSG',
  'EIO',
  'EISDIR',
  'ELOOP',
  'ENODEV',
  'ENOENT',
  'ENOTDIR',
  'ENXIO',
  'EUCLEAN',
]);

/** Whether an error of {@link readRegular} means that the file is damaged or gone. */
export function isDamage(error: unknown): error is NodeJS.ErrnoException {
  return isFileError(error) && DAMAGE.has(error.code);
}

export function isMissing(error: unknown): boolean {
  return isFileError(error) && error.code === 'ENOENT';
}

/**
 * Reads a regular file. Anything else in its place is refused without waiting: a pipe would block, and
 * a device may never end.
 * @throws the error of the file system; EISDIR for everything that is not a file
 */
export async function readRegular(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw notAFile(path);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Renames a damaged file or folder to `<path>.corrupt`, or `.corrupt-2` and so on when that exists. */
export async function moveAside(path: string): Promise<void> {
  for (let copy = 1; ; copy += 1) {
    const aside = copy === 1 ? `${path}.corrupt` : `${path}.corrupt-${copy}`;
    if (await exists(aside)) continue;
    await rename(path, aside);
    return;
  }
}

/** Writes a file durably. What is no file in its place is moved aside, because no rename replaces it. */
export async function writeOver(path: string, content: string): Promise<void> {
  await clearPlace(path);
  await writeFileDurably(path, content);
}

/** Moves aside what is in the place of a file and is none. */
export async function clearPlace(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found !== null && !found.isFile()) await moveAside(path);
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function notAFile(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`EISDIR: not a regular file, open '${path}'`), {
    code: 'EISDIR',
    syscall: 'open',
    path,
  });
}
