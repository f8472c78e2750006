import { type OnnxGraph, type OnnxNode, toNumber } from '../../backbone/engines/onnx-proto.js';
import type { Pool } from '../../backbone/model-card.js';
import { HeadlandError } from '../../base/errors.js';
import { referencedTensors } from './onnx-graph.js';

/** The place of the features in a network, found in its graph. */
export interface FoundTap {
  tensor: string;
  /** Null: depends on the shape of the tensor. */
  pool: Pool | null;
  /** classifier: the input of the last linear layer; output: the graph outputs features already. */
  kind: 'classifier' | 'output';
  /** The graph output from which the tap was found. */
  output: string;
}

/** Operators that may follow a classifier's linear layer without changing the class. */
const AFTER_LINEAR = new Set([
  'Identity',
  'Cast',
  'Dropout',
  'Squeeze',
  'Unsqueeze',
  'Reshape',
  'Flatten',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'QuantizeLinear',
  'DequantizeLinear',
  'ArgMax',
  'TopK',
]);
const COMMUTATIVE = new Set(['Add', 'Mul']);
const PROBABILITIES = new Set(['Softmax', 'LogSoftmax', 'Sigmoid']);
const LINEAR = new Set(['Gemm', 'MatMul']);
const POOLING = new Set(['GlobalAveragePool', 'GlobalMaxPool', 'AveragePool', 'ReduceMean']);
const ACTIVATIONS = new Set(['Relu', 'Clip', 'HardSwish', 'LeakyRelu']);
/** Operators that keep a pooled tensor at one place. */
const KEEPS_POOLED = new Set([...AFTER_LINEAR, ...ACTIVATIONS, 'Conv', 'BatchNormalization']);
/** Class counts of ImageNet-1k and -21k in their usual editions: such an output holds classes. */
const CLASS_COUNTS: readonly number[] = [1_000, 1_001, 10_450, 11_221, 11_821, 21_841, 21_843];
/** Number of tensors that the error names when no tap is found. */
const NAMED_TENSORS = 6;

/**
 * Finds the tap: the input of the last linear layer (Gemm, MatMul and Add, or a convolution in its
 * role), or the output of a graph that does not end in a classifier. Walks back from each output
 * over operators that may follow a classifier. A linear layer has constant weights, so the products
 * of an attention are none. Of several outputs, the first that ends a classifier counts, else the
 * first.
 * @throws HeadlandError HL_MODEL_TAP_UNKNOWN with the names of the last tensors
 */
export function findTap(graph: OnnxGraph): FoundTap {
  const walk = new Walk(graph);
  const found = graph.output.flatMap(({ name }) => walk.from(name) ?? []);
  const chosen = found.find(({ kind }) => kind === 'classifier') ?? found[0];
  if (chosen !== undefined) return chosen;
  throw tapUnknown(
    graph,
    'the graph ends in a classifier, and the linear layer that reads its features is not found',
  );
}

/** State of the walk from an output back. */
interface Behind {
  probabilities: boolean;
  /** The output has as many values as a usual classifier has classes. */
  classes: boolean;
  pooled: boolean;
}

/** Whether a node may stand between the last linear layer and an output. */
function mayFollowLinear(opType: string, { probabilities, classes, pooled }: Behind): boolean {
  if (AFTER_LINEAR.has(opType) || PROBABILITIES.has(opType)) return true;
  if (POOLING.has(opType)) return probabilities || classes;
  return pooled && ACTIVATIONS.has(opType);
}

/** HL_MODEL_TAP_UNKNOWN with the names of the last tensors. */
export function tapUnknown(graph: OnnxGraph, message: string): HeadlandError {
  const near = new Walk(graph).lastTensors();
  return new HeadlandError('HL_MODEL_TAP_UNKNOWN', message, {
    remedy: `Name the tensor that holds the features: --tap NAME, or "tap" in the card. The last tensors are ${near.join(', ')}.`,
    details: { near },
  });
}

class Walk {
  private readonly producers = new Map<string, OnnxNode>();
  /** Tensors that depend on the image. */
  private readonly live: Set<string>;

  constructor(private readonly graph: OnnxGraph) {
    const constants = new Set(graph.initializer.map(({ name }) => name));
    this.live = new Set(graph.input.map(({ name }) => name).filter((n) => !constants.has(n)));
    // Nodes are ordered so that every input is computed before it is read (ONNX IR).
    for (const node of graph.node) {
      for (const output of node.output) this.producers.set(output, node);
      if (!referencedTensors(node).some((name) => this.live.has(name))) continue;
      for (const output of node.output) this.live.add(output);
    }
  }

  /**
   * Null: a classifier whose linear layer is not found, or an output that does not depend on the
   * image.
   */
  from(output: string): FoundTap | null {
    if (!this.live.has(output)) return null;
    const behind: Behind = {
      probabilities: false,
      classes: CLASS_COUNTS.includes(this.lastDimension(output)),
      pooled: false,
    };
    for (let name = output; ; ) {
      const node = this.producers.get(name);
      if (node === undefined) return null;
      const source = this.onlySource(node);
      const pool = source === null ? null : this.poolOfLinear(node, source, behind.pooled);
      if (source !== null && pool !== null) {
        return { tensor: source, pool, kind: 'classifier', output };
      }
      if (source === null || !mayFollowLinear(node.opType, behind)) {
        return behind.probabilities ? null : { tensor: output, pool: null, kind: 'output', output };
      }
      behind.probabilities ||= PROBABILITIES.has(node.opType);
      behind.pooled ||= POOLING.has(node.opType);
      name = source;
    }
  }

  /** How the input of a linear layer becomes a vector; null: the node is not one. */
  private poolOfLinear(node: OnnxNode, source: string, pooledBehind: boolean): Pool | null {
    if (LINEAR.has(node.opType)) return 'none';
    if (node.opType !== 'Conv' || !this.isOneByOne(node)) return null;
    return this.classifyingPool(source, pooledBehind);
  }

  /** Tensors that depend on the image, in reverse order of computation. */
  lastTensors(): string[] {
    return this.graph.node
      .flatMap((node) => node.output.slice(0, 1))
      .filter((name) => this.live.has(name))
      .reverse()
      .slice(0, NAMED_TENSORS);
  }

  /** The only input that depends on the image; null where several do. */
  private onlySource(node: OnnxNode): string | null {
    const sources = new Set(referencedTensors(node).filter((name) => this.live.has(name)));
    const [source] = sources;
    if (source === undefined || sources.size > 1) return null;
    // Weights are the second input; only in a sum or a product may they be the first.
    return source === node.input[0] || COMMUTATIVE.has(node.opType) ? source : null;
  }

  /**
   * How the features before a classifying convolution are pooled: not at all where they are pooled
   * before it, by average where its answers are. Null where it does not classify.
   */
  private classifyingPool(source: string, pooledBehind: boolean): Pool | null {
    if (pooledBehind) return 'average';
    for (let name = source; ; ) {
      const node = this.producers.get(name);
      const before = node === undefined ? null : this.onlySource(node);
      if (node === undefined || before === null) return null;
      if (POOLING.has(node.opType)) return 'none';
      if (!KEEPS_POOLED.has(node.opType)) return null;
      name = before;
    }
  }

  private isOneByOne(node: OnnxNode): boolean {
    const weights = this.graph.initializer.find(({ name }) => name === node.input[1]);
    const sides = weights?.dims.slice(2).map(toNumber) ?? [];
    return sides.every((side) => side === 1);
  }

  /** Last dimension of an output by the graph's declaration; 0 where it is open. */
  private lastDimension(output: string): number {
    const info = this.graph.output.find(({ name }) => name === output);
    const sizes = info?.type?.tensorType?.shape?.dim.map(({ dimValue }) => toNumber(dimValue ?? 0));
    return sizes?.filter((size) => size > 1).at(-1) ?? 0;
  }
}
