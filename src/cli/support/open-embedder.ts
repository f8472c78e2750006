import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { loadCard } from '../../backbone/card-folders.js';
import { augmentationRecipe, Embedder } from '../../backbone/embedder.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openFittingBackbone } from '../../backbone/open-backbone.js';
import { fullPrecisionCard } from '../../backbone/variant.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { AugmentationSettings } from '../../vision/augment.js';
import { fetchBackbone } from './fetch-backbone.js';

/** Computes features of pictures and their augmented views with the configured backbone. */
export interface OpenedEmbedder {
  /** Card of the open backbone: the fp32 one if the configured 8-bit one does not fit this machine. */
  card: ModelCard;
  embedder: Embedder;
  /** Limits for picture files. */
  limits: { maxBytes: number; maxPixels: number };
  /** Settings of the augmented views, and the name of their cached features. */
  augmentation: { settings: AugmentationSettings; seed: number; recipe: string };
  close(): Promise<void>;
}

/**
 * Opens the configured backbone, and fetches it first if it is not in the cache.
 * @throws HeadlandError HL_MODEL_…, HL_ENGINE_UNAVAILABLE
 */
export async function openEmbedder(config: Config, log: Log): Promise<OpenedEmbedder> {
  await fetchBackbone(config, log);
  const { inference, models, paths } = config;
  const configured = await loadCard(models.backbone, models.cardsDir, addedCardsDir(config));
  const { threads } = inference;
  const backbone = await openFittingBackbone({
    card: configured,
    cacheDir: paths.cacheDir,
    threads,
    log,
  });
  const card = backbone.name === configured.name ? configured : fullPrecisionCard(configured);
  const limits = { maxBytes: inference.maxPictureBytes, maxPixels: inference.maxPicturePixels };
  const { seed, ...settings } = config.augmentation;
  return {
    card,
    embedder: new Embedder(backbone, { fit: inference.fit, ...limits }),
    limits,
    augmentation: { settings, seed, recipe: augmentationRecipe(settings, seed) },
    close: () => backbone.close(),
  };
}
