import type { Log } from '../base/log.js';
import type { Backbone } from './backbone.js';
import type { Execution } from './engines/engine-onnx.js';
import type { ModelCard } from './model-card.js';

export interface OpenEngineOptions {
  card: ModelCard;
  /** The converted model. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  /** Intra-op threads; TensorFlow.js chooses its own. */
  threads: number;
  /** Where ONNX Runtime computes; default: on the CPU, with the build of the package. */
  execution?: Execution;
  log: Log;
}

/**
 * Opens a converted model on the engine of its card; the other engine is not even loaded.
 * @throws HeadlandError HL_ENGINE_UNAVAILABLE, HL_MODEL_ONNX_INVALID, HL_TFJS_UNAVAILABLE,
 *   HL_MODEL_TFJS_INVALID
 */
export async function openEngine(options: OpenEngineOptions): Promise<Backbone> {
  if (options.card.engine === 'tfjs') {
    return (await import('./engines/engine-tfjs.js')).TfjsBackbone.create(options);
  }
  return (await import('./engines/engine-onnx.js')).OnnxEngine.create(options);
}
