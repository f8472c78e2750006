import { FEATURES } from '../../backbone/backbone.js';
import type { OnnxGraph, OnnxModel, OnnxValueInfo } from '../../backbone/engines/onnx-proto.js';
import { AUTO_TAP, type Pool } from '../../backbone/model-card.js';
import { addFeatureNodes } from './feature-nodes.js';
import { findTap, tapUnknown } from './find-tap.js';
import { freeName, neededNodes, referencedTensors, renameTensor } from './onnx-graph.js';
import { readImageInput, takePlanes } from './onnx-input.js';

/** float16, float64, bfloat16 */
const OTHER_FLOATS: readonly number[] = [10, 11, 16];

/** One place in a network where features are taken. */
export interface Tap {
  /**
   * Tensor or node to tap; null = the only graph output; {@link AUTO_TAP} = found automatically.
   */
  tap: string | null;
  /** Found automatically with {@link AUTO_TAP}. */
  pool: Pool;
}

export interface PruneOptions extends Tap {
  /** Further taps; their features follow those of the first tap, in this order. */
  innerTaps?: readonly (Tap & { scale?: number })[];
  /** Side of the square input, pixels. */
  inputSize: number;
  /** Channel order of the graph. Default: RGB. */
  channelOrder?: 'RGB' | 'BGR';
  /** Number of features of all taps together. */
  featureSize: number;
}

/**
 * Cuts an ONNX graph down to what the tapped tensors need: one input of 1 x 3 x S x S, one output
 * `features` of 1 x d, both float32. Nodes, inputs and initialisers that are no longer needed are
 * dropped. A graph that takes N x S x S x 3, B before R, or another type than float32 gets nodes
 * that convert its input.
 * @throws HeadlandError HL_MODEL_ONNX_INVALID, HL_MODEL_TAP_UNKNOWN, HL_MODEL_NOT_A_BACKBONE
 */
export function pruneToFeatures(model: OnnxModel, options: PruneOptions): OnnxModel {
  const { graph } = model;
  const taps = [
    { ...tapped(graph, options), scale: 1 },
    ...(options.innerTaps ?? []).map((tap) => ({ ...tapped(graph, tap), scale: tap.scale ?? 1 })),
  ];
  const nodes = neededNodes(
    graph,
    taps.map(({ tensor }) => tensor),
  );
  const kept: OnnxGraph = { ...graph, node: nodes, valueInfo: [], output: [] };
  const [only, ...others] = taps as [(typeof taps)[number], ...typeof taps];
  const toFloat = holdsOtherFloats(graph);
  const isVector = only.pool === 'none' && rankOf(graph, only.tensor) === 2;
  if (others.length === 0 && isVector && !toFloat) {
    if (only.tensor !== FEATURES) {
      renameTensor(kept, FEATURES, freeName(kept, FEATURES));
      renameTensor(kept, only.tensor, FEATURES);
    }
  } else {
    const inner = freeName(kept, FEATURES);
    renameTensor(kept, FEATURES, inner);
    const sources = taps.map((tap) => ({
      ...tap,
      tensor: tap.tensor === FEATURES ? inner : tap.tensor,
    }));
    addFeatureNodes(kept, sources, toFloat);
  }
  const used = new Set(kept.node.flatMap(referencedTensors));
  const constants = new Set(kept.initializer.map((tensor) => tensor.name));
  kept.input = kept.input.filter((i) => used.has(i.name) && !constants.has(i.name));
  kept.initializer = kept.initializer.filter((tensor) => used.has(tensor.name));
  const { inputSize, channelOrder = 'RGB' } = options;
  const pixels = takePlanes(kept, readImageInput(kept), { inputSize, channelOrder });
  kept.input = [tensorInfo(pixels, [1, 3, inputSize, inputSize])];
  kept.output = [tensorInfo(FEATURES, [1, options.featureSize])];
  return { ...model, graph: kept };
}

/**
 * Describes a tensor of a fixed shape.
 * @param elemType Type number of ONNX; 1 = float32.
 */
export function tensorInfo(name: string, shape: number[], elemType = 1): OnnxValueInfo {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

function tapped(graph: OnnxGraph, { tap, pool }: Tap): { tensor: string; pool: Pool } {
  if (tap === AUTO_TAP) {
    const found = findTap(graph);
    return { tensor: found.tensor, pool: found.pool ?? 'none' };
  }
  return { tensor: tappedTensor(graph, tap), pool };
}

/**
 * The tensor of a card's tap.
 * @param tap Tensor or node; null = the only graph output.
 * @throws HeadlandError HL_MODEL_TAP_UNKNOWN
 */
export function tappedTensor(graph: OnnxGraph, tap: string | null): string {
  if (tap === null) {
    if (graph.output.length !== 1) {
      throw tapUnknown(
        graph,
        `the graph has ${graph.output.length} outputs, and the card names none of them as tap`,
      );
    }
    return (graph.output[0] as OnnxValueInfo).name;
  }
  if (graph.node.some((node) => node.output.includes(tap))) return tap;
  const output = graph.node.find((node) => node.name === tap)?.output[0];
  if (output === undefined)
    throw tapUnknown(graph, `the graph has no tensor or node named "${tap}"`);
  return output;
}

/** Whether the tapped tensor may be of another type than float32. */
function holdsOtherFloats(graph: OnnxGraph): boolean {
  const cast = (type: number | undefined) => type !== undefined && OTHER_FLOATS.includes(type);
  return (
    graph.initializer.some(({ dataType }) => cast(dataType)) ||
    graph.input.some(({ type }) => cast(type?.tensorType?.elemType)) ||
    graph.node.some(({ attribute }) => attribute.some(({ t }) => cast(t?.dataType)))
  );
}

function rankOf(graph: OnnxGraph, tensor: string): number | null {
  const info = [...graph.output, ...graph.valueInfo].find((value) => value.name === tensor);
  return info?.type?.tensorType?.shape?.dim.length ?? null;
}
