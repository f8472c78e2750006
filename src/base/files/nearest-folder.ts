import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A path if it exists, else the nearest of its parents that does. */
export function nearestExisting(path: string): string {
  let nearest = resolve(path);
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  return nearest;
}
