import type { Log } from '../log.js';
import type { Backbone } from './backbone.js';
import { readCachedModel } from './cache.js';
import type { ModelCard } from './card.js';
import { openEngine } from './open-engine.js';

export interface OpenBackboneOptions {
  card: ModelCard;
  cacheDir: string;
  /** Intra-op threads of the engine. */
  threads: number;
  log: Log;
}

/**
 * Opens a backbone from the cache, never from the network. Its file is proven against its
 * checksum first.
 * @throws HeadlandError HL_MODEL_NOT_CACHED, HL_MODEL_CHECKSUM, HL_ENGINE_UNAVAILABLE,
 *   HL_TFJS_UNAVAILABLE
 */
export async function openBackbone(options: OpenBackboneOptions): Promise<Backbone> {
  const { card, cacheDir, threads, log } = options;
  const { model, checksum } = await readCachedModel(card, cacheDir);
  const backbone = await openEngine({ card, model, checksum, threads, log });
  log.info({ backbone: card.name, checksum, engine: backbone.engine, threads }, 'backbone is open');
  return backbone;
}
