import { FEATURES } from '../backbone/backbone.js';
import { conversionRecipe } from '../backbone/conversion-recipe.js';
import { OnnxCodec, type OnnxModel } from '../backbone/engines/onnx-proto.js';
import { GraphBuilder, graphNodes, pruneGraph } from '../backbone/engines/tfjs-graph.js';
import {
  invalidTfjs,
  packTfjs,
  readTfjsFiles,
  type TfjsModel,
} from '../backbone/engines/tfjs-model.js';
import type { ModelCard } from '../backbone/model-card.js';
import { pruneToFeatures } from './onnx/prune.js';
import { onnxToTfjs } from './tfjs/tfjs-from-onnx.js';
import { efficientNetLiteToOnnx } from './torch/efficientnet-lite.js';
import { readStateDict } from './torch/state-dict.js';

/**
 * Turns fetched files with proven checksums into the one file that the engine runs: ONNX with one
 * input 1 x 3 x S x S and one output `features` 1 x d, or a packed TensorFlow.js model.
 * Deterministic: the same files and card give the same bytes. The normalisation, which is outside
 * the graph, is written into the metadata of the file, so that its checksum identifies the features
 * completely.
 * @param shards Shards of a TensorFlow.js model, by path.
 * @throws HeadlandError HL_MODEL_PICKLE_REFUSED, HL_MODEL_STATE_INVALID, HL_MODEL_ONNX_INVALID,
 *   HL_MODEL_TAP_UNKNOWN, HL_MODEL_NOT_A_BACKBONE, HL_MODEL_TFJS_INVALID
 */
export function convertModel(
  file: Uint8Array,
  card: ModelCard,
  shards: ReadonlyMap<string, Uint8Array> = new Map(),
): Uint8Array {
  if (card.format === 'tfjs-layers-model' || card.format === 'tfjs-graph-model') {
    return packTfjs(prepareTfjs(readTfjsFiles(file, shards), card));
  }
  const codec = new OnnxCodec();
  const model = readNetwork(codec, file, card);
  if (card.engine === 'tfjs') {
    return packTfjs(tfjsFromOnnx(model, card));
  }
  model.metadataProps = Object.entries(conversionRecipe(card)).map(([key, value]) => ({
    key: `headland.${key}`,
    value: JSON.stringify(value),
  }));
  return codec.encode(model);
}

function readNetwork(codec: OnnxCodec, file: Uint8Array, card: ModelCard): OnnxModel {
  if (card.format === 'onnx') return pruneToFeatures(codec.decode(file), card);
  if (card.architecture === null) throw new TypeError('parseCard refuses such cards');
  const network = efficientNetLiteToOnnx(readStateDict(file), card.architecture, card.inputSize);
  return card.innerTaps.length === 0 ? network : pruneToFeatures(network, card);
}

/**
 * A converted ONNX backbone as a TensorFlow.js graph with the same weights.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID when one of its operators has no translation.
 */
export function tfjsFromOnnx(model: OnnxModel, card: ModelCard): TfjsModel {
  // The model is already tapped and pooled.
  return prepareGraph(onnxToTfjs(model), FEATURES, 'none', conversionRecipe(card));
}

function prepareTfjs(model: TfjsModel, card: ModelCard): TfjsModel {
  const wanted = card.format === 'tfjs-layers-model' ? 'layers-model' : 'graph-model';
  if (model.format !== wanted) {
    throw invalidTfjs(`it is a ${model.format}, the card says ${wanted}`);
  }
  const recipe = conversionRecipe(card);
  if (wanted === 'graph-model') return prepareGraph(model, card.tap, card.pool, recipe);
  return { ...model, metadata: { headland: recipe }, signature: undefined };
}

/**
 * Cuts a graph down to the tapped node and pools it; a tf.layers model is tapped when it is loaded.
 */
function prepareGraph(
  model: TfjsModel,
  tap: string | null,
  pool: ModelCard['pool'],
  recipe: object,
): TfjsModel {
  const { ends, ...pruned } = pruneGraph(model, tap);
  const builder = new GraphBuilder(graphNodes(pruned), pruned.weights);
  const output = pool === 'average' ? builder.mean(ends.output) : ends.output;
  return { ...pruned, metadata: { headland: { ...recipe, input: ends.input, output } } };
}
