import { join, resolve } from 'node:path';
import { loadCard } from '../../backbone/card-folders.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import { type PullProgress, pullModel } from '../../models/pull-model.js';
import { parseMirrors } from '../../models/sources/plan.js';
import { addedCardsDir } from './perception-settings.js';

/** The cache of an installed robot; see `paths.cacheDir`. */
const SYSTEM_CACHE = '/var/cache/headland';

export interface PrepareOptions {
  log: Log;
  /** Mirrors in HEADLAND_MODEL_MIRRORS (comma-separated) come before the configured ones. */
  environment: NodeJS.ProcessEnv;
  onProgress(progress: PullProgress): void;
  /** Aborts; partial downloads are removed. */
  signal?: AbortSignal;
  /** Target cache; default `paths.cacheDir`. */
  cacheDir?: string;
}

/**
 * Ensures that a backbone, by default the configured one, is in the cache and intact.
 * @throws HeadlandError HL_MODEL_UNAVAILABLE and the errors of reading the card
 */
export async function prepareBackbone(
  config: Config,
  options: PrepareOptions,
  name = config.models.backbone,
): Promise<{ path: string; checksum: string }> {
  const { cacheDir = config.paths.cacheDir } = options;
  const { cardsDir, bundleDirs, allowDownload, pipCommand, downloadTimeoutMs, maxBytes } =
    config.models;
  const addedDir = addedCardsDir(config);
  return pullModel(await loadCard(name, cardsDir, addedDir), {
    cacheDir,
    bundleDirs: [addedDir, ...bundleDirs],
    otherCaches: otherCaches(cacheDir, config, options.environment),
    mirrors: [
      ...parseMirrors(options.environment.HEADLAND_MODEL_MIRRORS),
      ...config.models.mirrors,
    ],
    allowDownload,
    pipCommand,
    downloadTimeoutMs,
    maxBytes,
    onProgress: options.onProgress,
    log: options.log,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** The other caches that headland uses on this machine. */
function otherCaches(
  cacheDir: string,
  { paths }: Pick<Config, 'paths'>,
  { XDG_CACHE_HOME, HOME }: NodeJS.ProcessEnv,
): string[] {
  const ofUser = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  const known = [paths.cacheDir, SYSTEM_CACHE, ...(ofUser ? [join(ofUser, 'headland')] : [])];
  return [...new Set(known.map((path) => resolve(path)))].filter(
    (path) => path !== resolve(cacheDir),
  );
}
