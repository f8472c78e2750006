import type {
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
} from '../../backbone/engines/onnx-proto.js';
import { toNumber } from '../../backbone/engines/onnx-proto.js';
import { listIn } from '../../base/values/list-in.js';

/** A convolution with constant weights, and the nodes that run in 8 bits together with it. */
export interface PlannedConvolution {
  kind: 'convolution';
  node: OnnxNode;
  input: string;
  /** Output of the fused activation, if there is one. */
  output: string;
  /** O x I/g x …, row-major. */
  weights: Float32Array;
  weightDims: number[];
  bias: Float32Array | null;
  groups: number;
  /** Limits of the fused Relu or Clip. */
  limits: Limits | null;
}

/** A sum of two activations. */
export interface PlannedSum {
  kind: 'sum';
  node: OnnxNode;
  inputs: [string, string];
  output: string;
  limits: Limits | null;
}

export type PlannedLayer = PlannedConvolution | PlannedSum;

export interface Limits {
  low: number;
  high: number;
}

export interface QuantizationPlan {
  layers: PlannedLayer[];
  /** Relu and Clip nodes that the rounding of the layer before replaces. */
  fused: Set<OnnxNode>;
  /** Tensors that need a range: inputs and outputs of the layers. */
  tensors: string[];
}

const FLOAT = 1;

/**
 * Integer kernels pay off with many input channels. On the image itself, with 3, they were as slow
 * as the float kernels or slower, and the rounding of this layer affects all others.
 */
const LEAST_INPUT_CHANNELS = 4;

/**
 * Plans the 8-bit part of a graph: convolutions with constant weights and sums of two activations,
 * each with the Relu or Clip behind it. Everything else, and the first convolution, stays in 32
 * bits.
 */
export function planQuantization(model: OnnxModel): QuantizationPlan {
  const { graph } = model;
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const consumers = consumersOf(graph);
  const fused = new Set<OnnxNode>();
  const layers: PlannedLayer[] = [];
  for (const node of graph.node) {
    const own = node.output[0] as string;
    const next = consumers.get(own) ?? [];
    const limits = next.length === 1 ? limitsOf(next[0] as OnnxNode, constants) : null;
    const output = limits ? ((next[0] as OnnxNode).output[0] as string) : own;
    const layer = plannedLayer(node, output, limits, constants);
    if (layer === null) continue;
    if (limits) fused.add(next[0] as OnnxNode);
    layers.push(layer);
  }
  const tensors = new Set<string>();
  for (const layer of layers) {
    for (const input of inputsOf(layer)) tensors.add(input);
    tensors.add(layer.output);
  }
  return { layers, fused, tensors: [...tensors] };
}

/** Activations that a layer reads. */
export function inputsOf(layer: PlannedLayer): string[] {
  return layer.kind === 'convolution' ? [layer.input] : layer.inputs;
}

function plannedLayer(
  node: OnnxNode,
  output: string,
  limits: Limits | null,
  constants: ReadonlyMap<string, OnnxTensor>,
): PlannedLayer | null {
  const [first, second, third] = node.input as [string, string, string | undefined];
  if (node.domain) return null;
  if (node.opType === 'Add') {
    if (constants.has(first) || constants.has(second)) return null;
    return { kind: 'sum', node, inputs: [first, second], output, limits };
  }
  if (node.opType !== 'Conv') return null;
  const weights = floats(constants.get(second));
  const bias = third ? floats(constants.get(third)) : null;
  if (weights === null || (third && bias === null)) return null;
  const group = node.attribute.find(({ name }) => name === 'group')?.i;
  const groups = group === undefined ? 1 : toNumber(group);
  const weightDims = (constants.get(second) as OnnxTensor).dims.map(toNumber);
  if ((weightDims[1] as number) * groups < LEAST_INPUT_CHANNELS) return null;
  return {
    kind: 'convolution',
    node,
    input: first,
    output,
    limits,
    weights,
    weightDims,
    bias,
    groups,
  };
}

/** Limits of a Relu or a Clip with constant bounds; null for any other node. */
function limitsOf(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): Limits | null {
  if (node.domain) return null;
  if (node.opType === 'Relu') return { low: 0, high: Number.POSITIVE_INFINITY };
  if (node.opType !== 'Clip') return null;
  const end = (position: number, name: string, open: number): number | null => {
    const tensor = node.input[position];
    if (tensor) return floats(constants.get(tensor))?.[0] ?? null;
    return node.attribute.find((attribute) => attribute.name === name)?.f ?? open;
  };
  const low = end(1, 'min', Number.NEGATIVE_INFINITY);
  const high = end(2, 'max', Number.POSITIVE_INFINITY);
  // A range always contains zero; a clip that excludes zero cannot be expressed by one.
  return low === null || high === null || low > 0 || high < 0 ? null : { low, high };
}

function consumersOf(graph: OnnxGraph): Map<string, OnnxNode[]> {
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of graph.node) {
    for (const input of node.input) listIn(consumers, input).push(node);
  }
  return consumers;
}

/** Values of a float32 constant; null where it is absent or of another type. */
function floats(tensor: OnnxTensor | undefined): Float32Array | null {
  if (tensor?.dataType !== FLOAT) return null;
  if (tensor.rawData?.length) return new Float32Array(Uint8Array.from(tensor.rawData).buffer);
  return tensor.floatData?.length ? Float32Array.from(tensor.floatData) : null;
}
