import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../errors.js';

/** Makes new names, renames and removals in a folder survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** As {@link syncDirectory}. */
export function syncDirectorySync(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** As {@link syncDirectory}, for the folder in which another one was made. */
export async function syncParent(path: string): Promise<void> {
  await syncDirectory(path).catch(permitUnsyncable);
}

/** As {@link syncParent}. */
export function syncParentSync(path: string): void {
  try {
    syncDirectorySync(path);
  } catch (error) {
    permitUnsyncable(error);
  }
}

/** A folder that this user may write but not read, or one of a network: what is new in it is of use. */
function permitUnsyncable(error: unknown): void {
  const code = codeOf(error);
  if (code !== 'EACCES' && code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
}
