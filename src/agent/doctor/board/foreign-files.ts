import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LOOKED_AT = 5_000;
const MAX_FOUND = 10;

/**
 * Files below a folder that belong to another user than the folder itself, at most ten; of very many
 * files only the first are looked at. A command run as root leaves such files. Unreadable folders are
 * skipped.
 * @returns `root`: the folder without symbolic links
 */
export function foreignFiles(folder: string): { root: string; files: string[] } {
  // The state folder of a service may be a link, which belongs to root.
  const root = realPathOf(folder);
  const owner = ownerOf(root);
  return { root, files: owner === null ? [] : filesOfOthers(root, owner) };
}

function filesOfOthers(root: string, owner: number): string[] {
  const found: string[] = [];
  const folders = [root];
  let looked = 0;
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of entriesOf(at)) {
      looked += 1;
      if (looked > MAX_LOOKED_AT || found.length >= MAX_FOUND) return found;
      const path = join(at, entry.name);
      const its = ownerOf(path);
      if (its !== null && its !== owner) found.push(path);
      if (entry.isDirectory()) folders.push(path);
    }
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function realPathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** Null: it cannot be looked at, or was just removed. */
function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch {
    return null;
  }
}
