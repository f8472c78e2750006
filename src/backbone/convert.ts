import type { ModelCard } from './cards.js';
import { efficientNetLiteToOnnx } from './efficientnet-lite.js';
import { OnnxCodec, type OnnxModel } from './onnx-proto.js';
import { pruneToFeatures } from './prune.js';
import { QUANTIZER_VERSION } from './quantize/variant.js';
import { readStateDict } from './state-dict.js';

/** Raised whenever conversion gives other bytes for the same weights: caches are then renewed. */
const CONVERTER_VERSION = 1;

/**
 * Turns a fetched, checksum-proven file into the ONNX file that the engine runs: one input
 * 1 x 3 x S x S, one output `features` 1 x d. Deterministic: the same file and card give the same
 * bytes. What decides the features but stands outside the graph (the normalisation) is written
 * into the file's metadata, so that its checksum names the features completely.
 * @throws HeadlandError HL_MODEL_PICKLE_REFUSED, HL_MODEL_STATE_INVALID, HL_MODEL_ONNX_INVALID
 */
export function convertModel(file: Uint8Array, card: ModelCard): Uint8Array {
  const codec = new OnnxCodec();
  const model = readNetwork(codec, file, card);
  model.metadataProps = Object.entries(conversionRecipe(card)).map(([key, value]) => ({
    key: `headland.${key}`,
    value: JSON.stringify(value),
  }));
  return codec.encode(model);
}

/** Everything in a card that decides what {@link convertModel} writes, besides the weights. */
export function conversionRecipe(card: ModelCard) {
  return {
    converter: CONVERTER_VERSION,
    format: card.format,
    architecture: card.architecture,
    tap: card.tap,
    pool: card.pool,
    input_size: card.inputSize,
    layout: card.layout,
    normalisation: { mean: card.normalisation.mean, std: card.normalisation.std },
    feature_size: card.featureSize,
    ...(card.precision ? { precision: card.precision, quantizer: QUANTIZER_VERSION } : {}),
  };
}

function readNetwork(codec: OnnxCodec, file: Uint8Array, card: ModelCard): OnnxModel {
  if (card.format === 'onnx') return pruneToFeatures(codec.decode(file), card);
  if (card.architecture === null) throw new TypeError('parseCard lets no such card pass');
  return efficientNetLiteToOnnx(readStateDict(file), card.architecture, card.inputSize);
}
