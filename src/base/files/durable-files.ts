import { randomBytes } from 'node:crypto';
import { open, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cutToBytes } from '../words/text.js';
import { makeFolder } from './make-folder.js';

/** NAME_MAX of the usual file systems. */
const MAX_NAME_BYTES = 255;

/**
 * Writes a file so that a crash or a power cut leaves either the old content or the new, whole.
 * The order (write, fsync, rename, fsync the folder) is that of Pillai et al., "All File Systems
 * Are Not Created Equal", OSDI 2014. The folder must exist.
 */
export async function writeFileDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeAndSync(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Writes a folder of files so that `path` either does not exist or holds every file, whole.
 * `path` must not exist or be an empty folder; else this throws ENOTEMPTY and changes nothing.
 * @param files By bare name.
 */
export async function writeDirectoryDurably(
  path: string,
  files: Record<string, Uint8Array | string>,
): Promise<void> {
  const temporary = temporaryBeside(path);
  await makeFolder(temporary);
  try {
    for (const [name, bytes] of Object.entries(files)) {
      if (name === '' || name !== basename(name))
        throw new Error(`not a bare file name: "${name}"`);
      await writeAndSync(join(temporary, name), bytes);
    }
    await syncDirectory(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Points the symbolic link `path` at `target` in one step: whoever opens it meets the old target
 * or the new one. A folder cannot be replaced by a rename, a link to it can.
 */
export async function switchLinkDurably(path: string, target: string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes renames and removals inside a folder survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAndSync(path: string, bytes: Uint8Array | string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name of its own in the same folder, not longer than file systems take. */
export function temporaryBeside(path: string, what = 'tmp'): string {
  const ending = `.${randomBytes(6).toString('hex')}.${what}`;
  const name = cutToBytes(basename(path), MAX_NAME_BYTES - ending.length - 1);
  return join(dirname(path), `.${name}${ending}`);
}
