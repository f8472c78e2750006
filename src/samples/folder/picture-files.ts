import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasReadableEnding } from '../../vision/sniff.js';

/** Paths of every JPEG, PNG and WebP file in a folder, by its ending, however deep; sorted. */
export async function listPictureFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && hasReadableEnding(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
