import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { inheritFolderOwner } from './inherit-owner.js';
import { syncParent, syncParentSync } from './sync-directory.js';

/**
 * Creates a folder and its missing parents, durable when it resolves; existing folders stay unchanged.
 * Node's own `recursive`
 * never returns below folders such as /proc, where mkdir fails with ENOENT although the parent
 * exists.
 * @throws the error of the file system
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  for (const folder of missingFirst(path)) {
    if (await isFolder(folder)) continue;
    try {
      await mkdir(folder, { mode });
      inheritFolderOwner(folder);
    } catch (error) {
      // Another process may have created it meanwhile.
      if (!(await isFolder(folder))) throw error;
    }
    await syncParent(dirname(folder));
  }
}

/** Like {@link makeFolder}. */
export function makeFolderSync(path: string, mode = 0o777): void {
  for (const folder of missingFirst(path)) {
    if (isFolderSync(folder)) continue;
    try {
      mkdirSync(folder, { mode });
      inheritFolderOwner(folder);
    } catch (error) {
      if (!isFolderSync(folder)) throw error;
    }
    syncParentSync(dirname(folder));
  }
}

/** The folder and all its parents, topmost first. */
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
