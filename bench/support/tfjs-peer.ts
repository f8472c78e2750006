import { type ModelCard, parseCard } from '../../src/backbone/model-card.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { messageOf } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { pullModel } from '../../src/models/pull-model.js';

/** The TensorFlow.js engine with the same weights; a text where this build or machine lacks it. */
export async function openTfjs(card: ModelCard, config: Config) {
  try {
    const { precision: _, ...plain } = card;
    const other = parseCard(
      { ...plain, name: `${card.name}-tfjs`, engine: 'tfjs', layout: 'NHWC-RGB', golden: null },
      'bench',
    );
    const { cacheDir } = config.paths;
    const log = silentLog();
    const { mirrors, allowDownload, pipCommand, downloadTimeoutMs, maxBytes } = config.models;
    await pullModel(other, {
      cacheDir,
      mirrors,
      allowDownload,
      pipCommand,
      downloadTimeoutMs,
      maxBytes,
      log,
    });
    return await openBackbone({ card: other, cacheDir, threads: 1, log });
  } catch (error) {
    return messageOf(error);
  }
}
