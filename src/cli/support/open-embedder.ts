import { addedCardsDir } from '../../agent/open-state.js';
import { loadCard } from '../../backbone/card-folders.js';
import { augmentationRecipe, Embedder } from '../../backbone/embedder.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openFittingBackbone } from '../../backbone/open-backbone.js';
import { fullPrecisionCard } from '../../backbone/variant.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { AugmentationSettings } from '../../vision/augment.js';
import { fetchBackbone } from './fetch-backbone.js';

/** The configured way from pictures and their augmented views to features. */
export interface OpenedEmbedder {
  /** Of the backbone that is open: the fp32 one where the configured 8-bit one does not fit. */
  card: ModelCard;
  embedder: Embedder;
  /** Of picture files. */
  limits: { maxBytes: number; maxPixels: number };
  /** Which views are drawn, and the name of their cached features. */
  augmentation: { settings: AugmentationSettings; seed: number; recipe: string };
  close(): Promise<void>;
}

/**
 * Fetches the configured backbone where it is not in the cache, and opens it.
 * @throws HeadlandError HL_MODEL_…, HL_ENGINE_UNAVAILABLE
 */
export async function openEmbedder(
  config: Config,
  log: Log,
  options: { json?: boolean },
): Promise<OpenedEmbedder> {
  await fetchBackbone(config, log, options);
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
