import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with data sets and backbones beside the checkout; null when it is not there. */
export function sharedFolder(): string | null {
  const folder =
    process.env.HEADLAND_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
  return existsSync(folder) ? folder : null;
}

export function userCacheDir(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/root', '.cache');
  return join(base, 'headland');
}
