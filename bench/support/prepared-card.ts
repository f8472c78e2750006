import { prepareBackbone } from '../../src/agent/seeing/prepare-backbone.js';
import { loadCard } from '../../src/backbone/card-folders.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';

/** The card of a backbone, by default the configured one, which is in the cache from then on. */
export async function preparedCard(
  config: Config,
  name = config.models.backbone,
): Promise<ModelCard> {
  const options = { log: silentLog(), environment: process.env, onProgress: () => {} };
  await prepareBackbone(config, options, name);
  return loadCard(name, config.models.cardsDir);
}
