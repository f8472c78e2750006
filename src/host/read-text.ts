import { readFileSync } from 'node:fs';

/**
 * The text of a file of procfs or sysfs; null: this machine does not have it, or its read fails, as those of
 * suspended sensors do (EAGAIN, EIO, ENODATA).
 */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
