import { invalidTfjs, type TfjsModel, type TfjsWeight, tfjsWeight } from './tfjs-model.js';

/** A node of a GraphDef, as JSON (tensorflow/core/framework/node_def.proto). */
export interface GraphNode {
  name: string;
  op: string;
  /** `name`, `name:1` or, for control, `^name`. */
  input?: string[];
  attr?: Record<string, object>;
}

/** Attribute values in protobuf's JSON: bytes in base64, 64-bit integers as text. */
export const attr = {
  bool: (b: boolean) => ({ b }),
  float: { type: 'DT_FLOAT' },
  int32: { type: 'DT_INT32' },
  text: (s: string) => ({ s: base64(s) }),
  texts: (s: readonly string[]) => ({ list: { s: s.map(base64) } }),
  int: (i: number) => ({ i: String(i) }),
  ints: (i: readonly number[]) => ({ list: { i: i.map(String) } }),
  shape: (sides: readonly number[]) => ({ shape: dims(sides) }),
};

/** How a window moves over an image N x h x w x c; strides are [height, width]. */
export function windowAttributes(window: { strides: number[]; padding: string }) {
  return {
    strides: attr.ints([1, ...window.strides, 1]),
    padding: attr.text(window.padding === 'SAME' ? 'SAME' : 'VALID'),
    data_format: attr.text('NHWC'),
  };
}

/** Adds nodes and constants to a graph, under free names. */
export class GraphBuilder {
  readonly #taken: Set<string>;

  constructor(
    readonly nodes: GraphNode[] = [],
    readonly weights: TfjsWeight[] = [],
    reserved: readonly string[] = [],
  ) {
    this.#taken = new Set([...nodes.map(({ name }) => name), ...reserved]);
  }

  /** @returns Name of the node: `wish`, or a similar free name. */
  add(op: string, input: string[], attributes: Record<string, object>, wish = op): string {
    const name = this.free(wish);
    this.nodes.push({ name, op, input, attr: { T: attr.float, ...attributes } });
    return name;
  }

  constant(wish: string, shape: number[], values: Float32Array | Int32Array): string {
    const name = this.free(wish);
    const type = values instanceof Int32Array ? attr.int32 : attr.float;
    const value = { tensor: { dtype: type.type, tensorShape: dims(shape) } };
    this.nodes.push({ name, op: 'Const', input: [], attr: { dtype: type, value } });
    this.weights.push(tfjsWeight(name, shape, values));
    return name;
  }

  /** The mean over the places of N x h x w x d: N x d, or N x 1 x 1 x d. */
  mean(image: string, keep = false): string {
    const axes = this.constant(`${image}/axes`, [2], Int32Array.of(1, 2));
    const attributes = { keep_dims: attr.bool(keep), Tidx: attr.int32 };
    return this.add('Mean', [image, axes], attributes, `${image}/mean`);
  }

  /** @param shape -1 for an open dimension. */
  placeholder(wish: string, shape: number[]): string {
    const name = this.free(wish);
    const attributes = { dtype: attr.float, shape: attr.shape(shape) };
    this.nodes.push({ name, op: 'Placeholder', input: [], attr: attributes });
    return name;
  }

  private free(wish: string): string {
    // TensorFlow allows no other characters in a name and interprets ":" and "^".
    const plain = wish.replace(/[^A-Za-z0-9_./-]/g, '_').replace(/^[^A-Za-z0-9.]/, 'n$&');
    let name = plain;
    for (let i = 2; this.#taken.has(name); i++) name = `${plain}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** The nodes of a graph model. */
export function graphNodes(model: TfjsModel): GraphNode[] {
  const nodes = model.topology.node;
  if (!Array.isArray(nodes) || nodes.some((node) => typeof node?.name !== 'string')) {
    throw invalidTfjs('its topology is not a GraphDef');
  }
  return nodes as GraphNode[];
}

/** The only input of a graph that must be fed, and the node of its features. */
export interface GraphEnds {
  input: string;
  output: string;
}

/**
 * Cuts a graph model down to what the tapped node needs.
 * @param tap Node; null = the only output.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID
 */
export function pruneGraph(model: TfjsModel, tap: string | null): TfjsModel & { ends: GraphEnds } {
  const nodes = graphNodes(model);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const output = tap ?? onlyOutput(model, nodes);
  if (!byName.has(output)) throw invalidTfjs(`it has no node named "${output}"`);
  const needed = new Set<string>();
  const open = [output];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    open.push(...(byName.get(name)?.input ?? []).map(nodeOf));
  }
  const kept = nodes.filter(({ name }) => needed.has(name));
  const inputs = kept.filter(({ op }) => op === 'Placeholder');
  if (inputs.length !== 1) {
    throw invalidTfjs(`a backbone has one input, but this graph has ${inputs.length}`);
  }
  return {
    ...model,
    // The loader requires the version of the TensorFlow that wrote it.
    topology: { versions: { producer: 0 }, ...model.topology, node: kept },
    weights: model.weights.filter(({ spec }) => needed.has(spec.name)),
    signature: undefined,
    ends: { input: (inputs[0] as GraphNode).name, output },
  };
}

/** The ends of a graph model that was converted for the cache, from its metadata. */
export function graphEnds(model: TfjsModel): GraphEnds {
  const { input, output } = (model.metadata.headland ?? {}) as Partial<GraphEnds>;
  if (typeof input !== 'string' || typeof output !== 'string') {
    throw invalidTfjs('its metadata does not name its input and output');
  }
  return { input, output };
}

function onlyOutput(model: TfjsModel, nodes: readonly GraphNode[]): string {
  const { outputs } = (model.signature ?? {}) as { outputs?: Record<string, { name?: string }> };
  const signed = Object.entries(outputs ?? {}).map(([key, { name }]) => nodeOf(name ?? key));
  const used = new Set(nodes.flatMap(({ input }) => (input ?? []).map(nodeOf)));
  const ends = nodes.filter(({ name, op }) => !used.has(name) && op !== 'Const');
  const found = signed.length > 0 ? signed : ends.map(({ name }) => name);
  if (found.length !== 1) {
    throw invalidTfjs(`it has ${found.length} outputs; the card must name one of them as its tap`);
  }
  return found[0] as string;
}

/** Node of a tensor name. */
function nodeOf(tensor: string): string {
  return tensor.replace(/^\^/, '').replace(/:\d+$/, '');
}

function dims(sides: readonly number[]): object {
  return { dim: sides.map((size) => ({ size: String(size) })) };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
