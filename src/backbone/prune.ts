import { FEATURES } from './backbone.js';
import {
  invalidOnnx,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
  toNumber,
} from './onnx-proto.js';

export interface PruneOptions {
  /** Tensor or node to tap; null = the only graph output. */
  tap: string | null;
  /** average: the tapped tensor is N x d x h x w and is still to be pooled. */
  pool: 'none' | 'average';
  /** Side of the square input, pixels. */
  inputSize: number;
  featureSize: number;
}

/**
 * Cuts an ONNX graph down to what the tapped tensor needs: one input of 1 x 3 x S x S, one output
 * `features` of 1 x d. Nodes, inputs and initialisers that nothing needs any more are dropped.
 * @throws HeadlandError HL_MODEL_ONNX_INVALID
 */
export function pruneToFeatures(model: OnnxModel, options: PruneOptions): OnnxModel {
  const { graph } = model;
  const tapped = tappedTensor(graph, options.tap);
  const isVector = options.pool === 'none' && rankOf(graph, tapped) === 2;
  const nodes = neededNodes(graph, tapped);
  const kept: OnnxGraph = { ...graph, node: nodes, valueInfo: [], output: [] };
  if (isVector) {
    if (tapped !== FEATURES) {
      renameTensor(kept, FEATURES, freeName(kept, FEATURES));
      renameTensor(kept, tapped, FEATURES);
    }
  } else {
    const source = tapped === FEATURES ? freeName(kept, FEATURES) : tapped;
    renameTensor(kept, FEATURES, freeName(kept, FEATURES));
    kept.node.push(...reductionNodes(source, options.pool, freeName(kept, `${source}_pooled`)));
  }
  const used = new Set(kept.node.flatMap(referencedTensors));
  const constants = new Set(kept.initializer.map((tensor) => tensor.name));
  const inputs = kept.input.filter((i) => used.has(i.name) && !constants.has(i.name));
  kept.initializer = kept.initializer.filter((tensor) => used.has(tensor.name));
  if (inputs.length !== 1) {
    throw invalidOnnx(`a backbone has one input, this graph has ${inputs.length}`);
  }
  kept.input = [fixedInput(inputs[0] as OnnxValueInfo, options.inputSize)];
  kept.output = [tensorInfo(FEATURES, [1, options.featureSize])];
  return { ...model, graph: kept };
}

/** Describes a float32 tensor of a fixed shape. */
/** @param elemType As ONNX numbers them; 1 = float32. */
export function tensorInfo(name: string, shape: number[], elemType = 1): OnnxValueInfo {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

function tappedTensor(graph: OnnxGraph, tap: string | null): string {
  if (tap === null) {
    if (graph.output.length !== 1) {
      throw invalidOnnx(`it has ${graph.output.length} outputs; the card must name one as its tap`);
    }
    return (graph.output[0] as OnnxValueInfo).name;
  }
  if (graph.node.some((node) => node.output.includes(tap))) return tap;
  const output = graph.node.find((node) => node.name === tap)?.output[0];
  if (output === undefined) throw invalidOnnx(`it has no tensor or node named "${tap}"`);
  return output;
}

function rankOf(graph: OnnxGraph, tensor: string): number | null {
  const info = [...graph.output, ...graph.valueInfo].find((value) => value.name === tensor);
  return info?.type?.tensorType?.shape?.dim.length ?? null;
}

/** Walks back from the tapped tensor; the order of the nodes stays. */
function neededNodes(graph: OnnxGraph, tapped: string): OnnxNode[] {
  const producers = new Map<string, OnnxNode>();
  for (const node of graph.node) for (const output of node.output) producers.set(output, node);
  const needed = new Set<OnnxNode>();
  const open = [tapped];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    open.push(...referencedTensors(node));
  }
  if (needed.size === 0) throw invalidOnnx(`nothing in it computes "${tapped}"`);
  return graph.node.filter((node) => needed.has(node));
}

/** What a node reads, its subgraphs' reading of outer tensors included. */
function referencedTensors(node: OnnxNode): string[] {
  const inner = subgraphs(node).flatMap((graph) => [
    ...graph.node.flatMap(referencedTensors),
    ...graph.output.map((output) => output.name),
  ]);
  return [...node.input.filter((name) => name !== ''), ...inner];
}

function subgraphs(node: OnnxNode): OnnxGraph[] {
  return node.attribute.flatMap((attribute) => [
    ...(attribute.g ? [attribute.g] : []),
    ...(attribute.graphs ?? []),
  ]);
}

function renameTensor(graph: OnnxGraph, from: string, to: string): void {
  const renamed = (name: string) => (name === from ? to : name);
  for (const node of graph.node) {
    node.input = node.input.map(renamed);
    node.output = node.output.map(renamed);
    for (const inner of subgraphs(node)) renameTensor(inner, from, to);
  }
  for (const value of [...graph.input, ...graph.output, ...graph.initializer]) {
    value.name = renamed(value.name);
  }
}

function freeName(graph: OnnxGraph, wish: string): string {
  const taken = new Set([
    ...graph.node.flatMap((node) => [...referencedTensors(node), ...node.output]),
    ...graph.input.map((input) => input.name),
    ...graph.initializer.map((tensor) => tensor.name),
  ]);
  let name = `${wish}_inner`;
  while (taken.has(name)) name += '_';
  return name;
}

function reductionNodes(source: string, pool: 'none' | 'average', between: string): OnnxNode[] {
  // Flatten leaves N x d alone and turns N x d x 1 x 1 into it.
  const flatten = (input: string): OnnxNode => ({
    name: 'headland_flatten',
    opType: 'Flatten',
    input: [input],
    output: [FEATURES],
    attribute: [{ name: 'axis', type: 2, i: 1 }],
  });
  if (pool === 'none') return [flatten(source)];
  const average: OnnxNode = {
    name: 'headland_pool',
    opType: 'GlobalAveragePool',
    input: [source],
    output: [between],
    attribute: [],
  };
  return [average, flatten(between)];
}

/** Batch 1 and the card's size wherever the graph leaves them open. */
function fixedInput(input: OnnxValueInfo, inputSize: number): OnnxValueInfo {
  const type = input.type?.tensorType;
  const dims = type?.shape?.dim;
  if (type?.elemType !== 1 || dims?.length !== 4) {
    throw invalidOnnx(`its input "${input.name}" is not a float32 tensor N x 3 x height x width`);
  }
  const wanted = [1, 3, inputSize, inputSize];
  dims.forEach((dim, axis) => {
    const value = dim.dimValue === undefined || dim.dimParam ? 0 : toNumber(dim.dimValue);
    if (value > 0 && value !== wanted[axis]) {
      throw invalidOnnx(`its input is ${value} along axis ${axis}, the card says ${wanted[axis]}`);
    }
  });
  return tensorInfo(input.name, wanted);
}
