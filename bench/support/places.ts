import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userCacheDir as userCacheDirIn } from '../../src/cli/support/state-options.js';

/** The folder with data sets and backbones beside the checkout; null when it is not there. */
export function sharedFolder(): string | null {
  const folder =
    process.env.HEADLAND_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
  return existsSync(folder) ? folder : null;
}

/** Where the benches look for backbones before they download them: `models.mirrors`. */
export function sharedMirrors(): string[] {
  const folder = sharedFolder();
  return folder === null ? [] : [join(folder, 'models')];
}

/** The cache of the commands that this user runs. */
export function userCacheDir(): string {
  return userCacheDirIn(process.env);
}

/** Where features, and what benches made of them, are kept between runs. */
export function keptFeaturesFolder(): string {
  return process.env.HEADLAND_BENCH_FEATURES ?? join(userCacheDir(), 'bench-features');
}
