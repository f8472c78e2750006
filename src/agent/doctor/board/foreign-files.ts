import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LOOKED_AT = 5_000;
const MAX_FOUND = 10;

/**
 * Files below a folder that belong to another user than the folder itself, at most ten; of very many
 * files only the first are looked at. A command run as root leaves such files. Unreadable folders are
 * skipped.
 */
export function foreignFiles(folder: string): string[] {
  const owner = ownerOf(folder);
  if (owner === null) return [];
  const found: string[] = [];
  const folders = [folder];
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

/** Null: it cannot be looked at, or was just removed. */
function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch {
    return null;
  }
}
