import { readFileSync } from 'node:fs';

/**
 * The text of a file of procfs or sysfs; null: this machine does not have it, or reading it fails, as
 * for suspended sensors (EAGAIN, EIO, ENODATA).
 */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
