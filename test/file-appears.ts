import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { HANG_MS } from './liveness.js';

/** Resolves when there is a file at `path`; its folder must be there. */
export async function fileAppears(path: string): Promise<void> {
  const watcher = watch(dirname(path));
  let limit: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      limit = setTimeout(() => reject(new Error(`waited in vain for ${path}`)), HANG_MS);
      const look = (): void => {
        if (existsSync(path)) resolve();
      };
      watcher.on('change', look);
      look();
    });
  } finally {
    clearTimeout(limit);
    watcher.close();
  }
}
