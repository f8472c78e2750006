import { existsSync } from 'node:fs';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { cachedModelDir, readCachedModel } from '../../backbone/cache.js';
import { listCards } from '../../backbone/card-folders.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { quantizedCard } from '../../backbone/variant.js';
import type { Config } from '../../config/schema.js';

/** Cards of the backbones that are intact in the cache. */
export async function cachedCards(config: Config): Promise<ModelCard[]> {
  const cards: ModelCard[] = [];
  for (const card of await cardsWithVariants(config)) {
    const isThere = await readCachedModel(card, config.paths.cacheDir).then(
      () => true,
      () => false,
    );
    if (isThere) cards.push(card);
  }
  return cards;
}

/** Every card, followed by its 8-bit variant if that exists or is configured. */
export async function cardsWithVariants(config: Config): Promise<ModelCard[]> {
  const { models, paths } = config;
  const cards: ModelCard[] = [];
  for (const card of await listCards(models.cardsDir, addedCardsDir(config))) {
    const variant = quantizedCard(card);
    const there =
      variant.name === models.backbone || existsSync(cachedModelDir(paths.cacheDir, variant.name));
    cards.push(card, ...(there ? [variant] : []));
  }
  return cards;
}
