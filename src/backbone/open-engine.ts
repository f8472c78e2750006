import type { Log } from '../log.js';
import type { Backbone } from './backbone.js';
import type { ModelCard } from './cards.js';
import { OnnxEngine } from './engine-onnx.js';
import { TfjsBackbone } from './engine-tfjs.js';

export interface OpenEngineOptions {
  card: ModelCard;
  /** The converted model. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  /** Intra-op threads; TensorFlow.js chooses its own. */
  threads: number;
  log: Log;
}

/**
 * Opens a converted model on the engine that its card names.
 * @throws HeadlandError HL_ENGINE_UNAVAILABLE, HL_MODEL_ONNX_INVALID, HL_TFJS_UNAVAILABLE,
 *   HL_MODEL_TFJS_INVALID
 */
export function openEngine(options: OpenEngineOptions): Promise<Backbone> {
  return options.card.engine === 'tfjs' ? TfjsBackbone.create(options) : OnnxEngine.create(options);
}
