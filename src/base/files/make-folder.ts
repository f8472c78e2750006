import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing; one that is there is left as it is. Node's own
 * `recursive` never returns below folders such as /proc, which answer that a new folder's parent
 * does not exist although it does.
 * @throws the error of the file system
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  for (const folder of missingFirst(path)) {
    if (await isFolder(folder)) continue;
    try {
      await mkdir(folder, { mode });
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!(await isFolder(folder))) throw error;
    }
  }
}

/** {@link makeFolder}. @returns the topmost folder that was made; null: all were there */
export function makeFolderSync(path: string, mode = 0o777): string | null {
  let first: string | null = null;
  for (const folder of missingFirst(path)) {
    if (isFolderSync(folder)) continue;
    try {
      mkdirSync(folder, { mode });
      first ??= folder;
    } catch (error) {
      if (!isFolderSync(folder)) throw error;
    }
  }
  return first;
}

/** The folder and all above it, from the top. */
function missingFirst(path: string): string[] {
  const folders: string[] = [];
  for (let folder = resolve(path); folder !== dirname(folder); folder = dirname(folder)) {
    folders.unshift(folder);
  }
  return folders;
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function isFolderSync(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
