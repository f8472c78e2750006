import { realpathSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { nearestExisting } from '../base/files/nearest-folder.js';
import { readText } from './read-text.js';

/** The file system of a path. */
export interface MountedDisk {
  /** The path, or its nearest existing parent. */
  path: string;
  /** "/dev/mmcblk0p2", "tmpfs"; null: unknown. */
  device: string | null;
  readOnly: boolean;
  /** Free for ordinary users. */
  freeBytes: number;
  totalBytes: number;
  /** Free file entries; null: the file system counts none. */
  freeInodes: number | null;
}

/**
 * Describes the file system on which a path is, or would be created.
 * @throws the error of the file system
 */
export function mountedDisk(path: string, procRoot = '/proc'): MountedDisk {
  const existing = nearestExisting(path);
  const { bavail, blocks, bsize, files, ffree } = statfsSync(existing);
  const mount = mountOf(realpathSync(existing), join(procRoot, 'self/mountinfo'));
  return {
    path: existing,
    device: mount?.device ?? null,
    readOnly: mount?.readOnly ?? false,
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeInodes: files === 0 ? null : ffree,
  };
}

/** The last mount whose point the path is below: later ones hide earlier ones. */
function mountOf(path: string, mountInfo: string): { device: string; readOnly: boolean } | null {
  let found: { device: string; readOnly: boolean; depth: number } | null = null;
  for (const line of (readText(mountInfo) ?? '').split('\n')) {
    // 36 35 98:0 /root /point options - type device superoptions
    const [before, after] = line.split(' - ');
    const [, , , , point, options = ''] = (before ?? '').split(' ');
    const [, device = '', superOptions = ''] = (after ?? '').split(' ');
    if (point === undefined) continue;
    const folder = unescaped(point);
    const below = folder === '/' || path === folder || path.startsWith(`${folder}/`);
    if (!below || (found && folder.length < found.depth)) continue;
    const readOnly = [...options.split(','), ...superOptions.split(',')].includes('ro');
    found = { device, readOnly, depth: folder.length };
  }
  return found;
}

/** The kernel writes white space and backslashes in octal. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
