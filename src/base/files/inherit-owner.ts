import { closeSync, constants, fchownSync, openSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../errors.js';
import { isFileError } from './file-problem.js';

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

/**
 * Gives a file that root has just created the owner of the folder that it is in. Without this, `sudo
 * headland train` beside the service would leave heads that the service cannot read. Does nothing for
 * other users and in folders of root. Never throws: file systems without owners have nothing to inherit.
 * @param descriptor of the file: its path may name another file by now, for the folder is another user's
 */
export function inheritOwner(descriptor: number, path: string): void {
  if (process.geteuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(dirname(path));
    if (uid !== 0) fchownSync(descriptor, uid, gid);
  } catch {
    // FAT, some network file systems.
  }
}

/** As {@link inheritOwner}, for a folder that this process has just created. */
export function inheritFolderOwner(path: string): void {
  if (process.geteuid?.() !== 0) return;
  try {
    const folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      inheritOwner(folder, path);
    } finally {
      closeSync(folder);
    }
  } catch {
    // Removed or replaced meanwhile: what is there now is not what was created.
  }
}

/**
 * Creates an empty file that its owner alone may use (mode 0600).
 * @throws the error of the file system; EEXIST when something is there
 */
export function createPrivateFile(path: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    inheritOwner(file, path);
  } finally {
    closeSync(file);
  }
}

/** As {@link createPrivateFile}. @returns false: something is there already, and stays as it is */
export function createPrivateFileUnlessThere(path: string): boolean {
  try {
    createPrivateFile(path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * Opens a file to read and to append. A new one gets the owner of its folder; an existing one keeps its
 * own. A symbolic link is refused (ELOOP): root must not write where another user points it.
 * @returns `created`: its name is not durable yet
 */
export async function openToAppend(
  path: string,
  mode: number,
): Promise<{ file: FileHandle; created: boolean }> {
  try {
    const file = await open(path, O_APPEND | O_RDWR | O_CREAT | O_EXCL, mode);
    inheritOwner(file.fd, path);
    return { file, created: true };
  } catch (error) {
    if (!isFileError(error) || error.code !== 'EEXIST') throw error;
    return { file: await open(path, O_APPEND | O_RDWR | O_NOFOLLOW), created: false };
  }
}
