import { invalidOnnx, type OnnxGraph, type OnnxNode } from '../../backbone/engines/onnx-proto.js';

/**
 * The nodes that compute the given tensors, in their order in the graph.
 * @throws HeadlandError HL_MODEL_ONNX_INVALID when no node computes one of them.
 */
export function neededNodes(graph: OnnxGraph, tapped: readonly string[]): OnnxNode[] {
  const producers = new Map<string, OnnxNode>();
  for (const node of graph.node) for (const output of node.output) producers.set(output, node);
  const needed = new Set<OnnxNode>();
  const absent = tapped.find((name) => !producers.has(name));
  if (absent !== undefined) throw invalidOnnx(`nothing in it computes "${absent}"`);
  const open = [...tapped];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    open.push(...referencedTensors(node));
  }
  return graph.node.filter((node) => needed.has(node));
}

/** Tensors that a node reads, including outer tensors read by its subgraphs. */
export function referencedTensors(node: OnnxNode): string[] {
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

export function renameTensor(graph: OnnxGraph, from: string, to: string): void {
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

export function freeName(graph: OnnxGraph, wish: string): string {
  const taken = new Set([
    ...graph.node.flatMap((node) => [...referencedTensors(node), ...node.output]),
    ...graph.input.map((input) => input.name),
    ...graph.initializer.map((tensor) => tensor.name),
  ]);
  let name = `${wish}_inner`;
  while (taken.has(name)) name += '_';
  return name;
}
