import { fullPrecisionName } from '../../backbone/variant.js';
import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { BackboneInfo, PerceptionSettings } from '../../perception/perception-protocol.js';
import { addedCardsDir } from '../open-state.js';
import type { PrepareOptions } from './prepare-backbone.js';

/** What perception needs of the configuration. */
export function perceptionSettings({ models, paths, inference }: Config): PerceptionSettings {
  return {
    backbone: models.backbone,
    cardsDir: models.cardsDir,
    addedCardsDir: addedCardsDir({ paths }),
    cacheDir: paths.cacheDir,
    threads: inference.threads,
    fit: inference.fit,
    maxPictureBytes: inference.maxPictureBytes,
    maxPicturePixels: inference.maxPicturePixels,
    decision: inference,
  };
}

/**
 * Starts perception with the backbone in the cache; where that is missing, outdated or damaged,
 * it is fetched first. Trying comes before fetching because it is the common case, and reading
 * and converting backbones is code and memory that a daemon seldom needs.
 * @throws HeadlandError HL_MODEL_UNAVAILABLE, HL_PERCEPTION_CRASHED and what opening throws
 */
export async function startPerception(
  perception: { start(): Promise<BackboneInfo>; readonly unfit: HeadlandError | null },
  config: Config,
  options: Pick<PrepareOptions, 'log' | 'environment' | 'signal'>,
): Promise<BackboneInfo> {
  try {
    return await perception.start();
  } catch (error) {
    const fetchable =
      isHeadlandError(error, 'HL_MODEL_NOT_CACHED') || isHeadlandError(error, 'HL_MODEL_CHECKSUM');
    if (!fetchable) throw error;
    options.log.info({ code: error.code }, `the backbone is fetched: ${error.message}`);
  }
  const { prepareBackbone } = await import('./prepare-backbone.js');
  const { backbone } = config.models;
  const name = perception.unfit ? fullPrecisionName(backbone) : backbone;
  await prepareBackbone(config, { ...options, onProgress: () => {} }, name);
  return perception.start();
}
