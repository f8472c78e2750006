import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { userCacheDir as userCacheDirIn } from '../../src/cli/support/state-options.js';

/** The folder with data sets and backbones beside the checkout; null when it is not there. */
export function sharedFolder(): string | null {
  const folder =
    process.env.HEADLAND_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
  return existsSync(folder) ? folder : null;
}

/** The cache of the commands that this user runs. */
export function userCacheDir(): string {
  return userCacheDirIn(process.env);
}
