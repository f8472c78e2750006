import type { Backbone } from '../../src/backbone/backbone.js';
import { readCachedModel } from '../../src/backbone/cache.js';
import { TfjsBackbone } from '../../src/backbone/engines/engine-tfjs.js';
import { OnnxCodec } from '../../src/backbone/engines/onnx-proto.js';
import type { TfjsBackend } from '../../src/backbone/engines/tfjs-library.js';
import { packTfjs } from '../../src/backbone/engines/tfjs-model.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { silentLog } from '../../src/base/log.js';
import { tfjsFromOnnx } from '../../src/models/convert-model.js';

/** A backbone that runs on one backend of TensorFlow.js. */
export interface TfjsTwin {
  backend: TfjsBackend;
  backbone: Backbone;
}

/**
 * The same weights as a cached ONNX backbone, on every backend of TensorFlow.js that opens here:
 * `tensorflow` (with HEADLAND_TFJS_NODE, see deploy/tfjs-node), `wasm`, `cpu`. Close them.
 *
 * The backend is global to the thread: the first forward pass after one on another backend pays
 * for the change, so time the second.
 */
export async function openTfjsTwins(
  card: ModelCard,
  cacheDir: string,
  backends: readonly TfjsBackend[] = ['tensorflow', 'wasm', 'cpu'],
): Promise<TfjsTwin[]> {
  const { model: onnx, checksum } = await readCachedModel(card, cacheDir);
  const model = packTfjs(tfjsFromOnnx(new OnnxCodec().decode(onnx), card));
  const twin: ModelCard = { ...card, engine: 'tfjs', layout: 'NHWC-RGB' };
  const options = { card: twin, model, checksum, log: silentLog() };
  const twins: TfjsTwin[] = [];
  for (const backend of backends) {
    const backbone = await TfjsBackbone.create({ ...options, backends: [backend] }).catch(
      () => null,
    );
    if (backbone) twins.push({ backend, backbone });
  }
  return twins;
}
