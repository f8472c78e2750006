import { isHeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Backbone } from './backbone.js';
import { readCachedModel } from './cache.js';
import type { ModelCard } from './model-card.js';
import { openEngine } from './open-engine.js';
import { fullPrecisionCard } from './variant.js';
import { compareWithGolden } from './variant-golden.js';

export interface OpenBackboneOptions {
  card: ModelCard;
  cacheDir: string;
  /** Intra-op threads of the engine. */
  threads: number;
  log: Log;
}

/**
 * Opens a backbone from the cache, never from the network. First proves its file by its checksum,
 * and an 8-bit variant by the features that it gave where it was made.
 * @throws HeadlandError HL_MODEL_NOT_CACHED, HL_MODEL_CHECKSUM, HL_MODEL_INT8_DIFFERS,
 *   HL_ENGINE_UNAVAILABLE, HL_TFJS_UNAVAILABLE
 */
export async function openBackbone(options: OpenBackboneOptions): Promise<Backbone> {
  const { card, cacheDir, threads, log } = options;
  const { model, checksum, variantGolden } = await readCachedModel(card, cacheDir);
  const backbone = await openEngine({ card, model, checksum, threads, log });
  try {
    if (variantGolden) await compareWithGolden(backbone, variantGolden);
  } catch (error) {
    await backbone.close();
    throw error;
  }
  log.info({ backbone: card.name, checksum, engine: backbone.engine, threads }, 'backbone is open');
  return backbone;
}

/**
 * Like {@link openBackbone}, but if an 8-bit variant computes other features than where it was
 * made, opens the fp32 backbone instead, as the daemon does.
 * @throws HeadlandError the errors of {@link openBackbone} except HL_MODEL_INT8_DIFFERS
 */
export async function openFittingBackbone(options: OpenBackboneOptions): Promise<Backbone> {
  try {
    return await openBackbone(options);
  } catch (error) {
    if (!isHeadlandError(error, 'HL_MODEL_INT8_DIFFERS')) throw error;
    const card = fullPrecisionCard(options.card);
    options.log.warn(
      { code: error.code, remedy: error.remedy },
      `${error.message}; ${card.name} is used instead`,
    );
    return openBackbone({ ...options, card });
  }
}
