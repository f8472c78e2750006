import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cutToBytes } from '../words/text.js';
import { inheritFolderOwner, inheritOwner, openToAppend } from './inherit-owner.js';
import { syncDirectory } from './sync-directory.js';

/** NAME_MAX of the usual file systems. */
const MAX_NAME_BYTES = 255;
const READ_BACK_BYTES = 1_048_576;

/**
 * Writes a file so that a crash or power cut leaves either the complete old or the complete new
 * content. Parts of a content are written one after another. The order (write, fsync, rename, fsync the
 * folder) is that of Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014. What was written is
 * read back before it replaces anything. The folder must exist.
 * @param mode permissions, whatever the umask; without it those that the umask leaves
 * @throws the error of the file system; EIO when other bytes came back
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string | readonly Uint8Array[],
  mode: number | null = null,
): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeAndSync(temporary, bytes, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Writes a folder of files so that `path` either does not exist or holds every file completely.
 * `path` must not exist or be an empty folder; else this throws ENOTEMPTY and changes nothing.
 * @param files content by bare file name
 */
export async function writeDirectoryDurably(
  path: string,
  files: Record<string, Uint8Array | string>,
): Promise<void> {
  const temporary = temporaryBeside(path);
  await mkdir(temporary);
  inheritFolderOwner(temporary);
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
 * Points the symbolic link `path` at `target` atomically: a reader sees the old or the new target.
 * A rename cannot replace a folder that has files, but it can replace a link to one.
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

/**
 * Copies a file, with its permissions, to a new name in its folder, before something replaces the file: the
 * content is durable when this resolves, the name with the next durable change in the folder.
 * @throws EEXIST: there is a file of that name, and it is left as it is
 */
export async function copyDurably(from: string, to: string): Promise<void> {
  const [bytes, { mode }] = await Promise.all([readFile(from), stat(from)]);
  await writeAndSync(to, bytes, mode & 0o777);
}

/** Removes a file, if there is one, so that no power cut brings it back. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/**
 * Appends one line to a file, durable when it resolves; a missing file is created. A last line that a
 * power cut has left torn does not merge with the new one.
 * @param line without its end
 */
export async function appendLineDurably(path: string, line: string, mode: number): Promise<void> {
  const { file, created } = await openToAppend(path, mode);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const lead = size > 0 && last.toString() !== '\n' ? '\n' : '';
    await file.writeFile(`${lead}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  if (created) await syncDirectory(dirname(path));
}

async function writeAndSync(
  path: string,
  bytes: Uint8Array | string | readonly Uint8Array[],
  mode: number | null = null,
): Promise<void> {
  // Nobody else may open the file before it has its permissions.
  const handle = await open(path, 'wx+', mode === null ? 0o666 : 0o600);
  try {
    inheritOwner(handle.fd, path);
    if (mode !== null) await handle.chmod(mode);
    await writeFile(handle, bytes);
    await handle.sync();
    await readBack(handle, path, bytes);
  } finally {
    await handle.close();
  }
}

async function readBack(
  handle: FileHandle,
  path: string,
  bytes: Uint8Array | string | readonly Uint8Array[],
): Promise<void> {
  const parts = typeof bytes === 'string' ? [Buffer.from(bytes)] : [bytes].flat();
  const back = Buffer.alloc(READ_BACK_BYTES);
  let position = 0;
  for (const part of parts) {
    for (let start = 0; start < part.length; start += back.length) {
      const written = part.subarray(start, start + back.length);
      const { bytesRead } = await handle.read(back, 0, written.length, position);
      if (!back.subarray(0, bytesRead).equals(written)) throw otherBytes(path);
      position += bytesRead;
    }
  }
}

function otherBytes(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`EIO: other bytes came back than were written, read '${path}'`), {
    code: 'EIO',
    syscall: 'read',
    path,
  });
}

/** A unique path in the same folder, within the name length that file systems allow. */
export function temporaryBeside(path: string, what = 'tmp'): string {
  const ending = `.${randomBytes(6).toString('hex')}.${what}`;
  const name = cutToBytes(basename(path), MAX_NAME_BYTES - ending.length - 1);
  return join(dirname(path), `.${name}${ending}`);
}
