import type { InferenceSession, Tensor } from '../../backbone/engines/engine-onnx.js';
import { OnnxCodec, type OnnxNode, type OnnxValueInfo } from '../../backbone/engines/onnx-proto.js';
import { loadRuntime, type Runtime } from '../../backbone/engines/onnx-runtime.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { SoftmaxData } from '../../head/learners/softmax-objective.js';
import type { ProductRequest } from '../../head/learners/subspace.js';
import type { FitEngine } from './search.js';

/** The tensors that stay the same during the fit of a fold. */
interface Fold {
  feeds: Record<string, Tensor>;
  weights: Float32Array;
  bias: Float32Array;
}

/**
 * The softmax objective and its gradient as one ONNX graph, and plain products beside it. ONNX
 * Runtime's kernels compute two matrix products per call, in Float32. `SoftmaxObjective` is the
 * reference; values agree to 6 digits. Inputs are passed without a copy, so that only the gradient
 * (classes x features) is allocated per call.
 */
export class OnnxFitEngine implements FitEngine {
  readonly #folds = new WeakMap<SoftmaxData, Fold>();

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly onRows: InferenceSession,
    private readonly onColumns: InferenceSession,
  ) {}

  /** @throws HeadlandError HL_ENGINE_UNAVAILABLE */
  static async create(threads: number): Promise<OnnxFitEngine> {
    const runtime = await loadRuntime();
    try {
      const open = (graph: Uint8Array): Promise<InferenceSession> =>
        runtime.InferenceSession.create(graph, {
          executionProviders: ['cpu'],
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
          extra: { session: { intra_op: { allow_spinning: '0' } } },
        });
      return new OnnxFitEngine(
        runtime,
        await open(objectiveGraph()),
        await open(productGraph(['x', 'matrix'], 1)),
        await open(productGraph(['matrix', 'x'], 0)),
      );
    } catch (cause) {
      throw new HeadlandError(
        'HL_ENGINE_UNAVAILABLE',
        `ONNX Runtime cannot run the softmax objective: ${messageOf(cause)}`,
        {
          remedy:
            'Use 64-bit Linux with glibc 2.28 or newer, then install headland again (npm ci).',
          cause,
        },
      );
    }
  }

  async evaluate(
    data: SoftmaxData,
    parameters: Float64Array,
    lambda: number,
    gradient: Float64Array,
  ): Promise<number> {
    const { features: d, classes } = data;
    const size = classes * d;
    const fold = this.#fold(data);
    fold.weights.set(parameters.subarray(0, size));
    fold.bias.set(parameters.subarray(size));
    const { loss, slope, biasSlope } = await this.session.run(fold.feeds);
    const losses = (loss as Tensor).data as Float32Array;
    const slopes = (slope as Tensor).data as Float32Array;
    gradient.set((biasSlope as Tensor).data as Float32Array, size);
    let value = 0;
    for (const part of losses) value -= part;
    let squares = 0;
    for (let c = 0, at = 0; c < classes; c++) {
      for (let j = 0; j < d; j++, at++) {
        const weight = parameters[at] as number;
        squares += weight * weight;
        gradient[at] = (slopes[j * classes + c] as number) + lambda * weight;
      }
    }
    return value + (lambda / 2) * squares;
  }

  async product({ x, rows, features, kind, matrix, count }: ProductRequest): Promise<Float32Array> {
    const { Tensor } = this.runtime;
    const onRows = kind === 'x-matrixT';
    const session = onRows ? this.onRows : this.onColumns;
    const { product } = await session.run({
      x: new Tensor('float32', x, [rows, features]),
      matrix: new Tensor('float32', matrix, [count, onRows ? features : rows]),
    });
    return (product as Tensor).data as Float32Array;
  }

  async close(): Promise<void> {
    for (const session of [this.session, this.onRows, this.onColumns]) await session.release();
  }

  #fold(data: SoftmaxData): Fold {
    const known = this.#folds.get(data);
    if (known) return known;
    const { rows, features, classes, labels } = data;
    const total = data.weights.reduce((sum, weight) => sum + weight, 0);
    const share = Float32Array.from(data.weights, (weight) => weight / total);
    const target = new Float32Array(rows * classes);
    share.forEach((value, i) => {
      target[i * classes + (labels[i] as number)] = value;
    });
    const weights = new Float32Array(classes * features);
    const bias = new Float32Array(classes);
    const tensor = (values: Float32Array, dims: number[]): Tensor =>
      new this.runtime.Tensor('float32', values, dims);
    const fold = {
      weights,
      bias,
      feeds: {
        x: tensor(data.x, [rows, features]),
        weights: tensor(weights, [classes, features]),
        bias: tensor(bias, [classes]),
        share: tensor(share, [rows, 1]),
        target: tensor(target, [rows, classes]),
      },
    };
    this.#folds.set(data, fold);
    return fold;
  }
}

/** -Σ target · ln p by rows, and its gradient xᵀ(share · p - target). */
function objectiveGraph(): Uint8Array {
  return graph(
    'softmax-objective',
    [
      node('Gemm', ['x', 'weights', 'bias'], 'logits', ['transB', 1]),
      node('LogSoftmax', ['logits'], 'logP', ['axis', 1]),
      node('Mul', ['target', 'logP'], 'losses'),
      node('ReduceSum', ['losses', 'columns'], 'loss', ['keepdims', 0]),
      node('Exp', ['logP'], 'p'),
      node('Mul', ['share', 'p'], 'sharedP'),
      node('Sub', ['sharedP', 'target'], 'residual'),
      node('Gemm', ['x', 'residual'], 'slope', ['transA', 1]),
      node('ReduceSum', ['residual', 'rows'], 'biasSlope', ['keepdims', 0]),
    ],
    [
      info('x', ['n', 'd']),
      info('weights', ['c', 'd']),
      info('bias', ['c']),
      info('share', ['n', 'one']),
      info('target', ['n', 'c']),
    ],
    [info('loss', ['n']), info('slope', ['d', 'c']), info('biasSlope', ['c'])],
  );
}

function productGraph(factors: [string, string], transB: 0 | 1): Uint8Array {
  return graph(
    'product',
    [node('Gemm', factors, 'product', ['transB', transB])],
    [info('x', ['n', 'd']), info('matrix', ['k', 'm'])],
    [info('product', ['a', 'b'])],
  );
}

/** A graph of opset 13. */
function graph(
  name: string,
  nodes: OnnxNode[],
  input: OnnxValueInfo[],
  output: OnnxValueInfo[],
): Uint8Array {
  const axis = (axisName: string, value: number) => ({
    name: axisName,
    dims: [1],
    dataType: 7,
    int64Data: [value],
  });
  const used = new Set(nodes.flatMap((one) => one.input));
  const axes = [axis('columns', 1), axis('rows', 0)].filter((one) => used.has(one.name));
  return new OnnxCodec().encode({
    irVersion: 7,
    producerName: 'headland',
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: { name, node: nodes, initializer: axes, input, output, valueInfo: [] },
  });
}

function node(
  opType: string,
  input: string[],
  output: string,
  ...flags: [name: string, value: number][]
): OnnxNode {
  const attribute = flags.map(([name, i]) => ({
    name,
    type: 2,
    i,
    floats: [],
    ints: [],
    strings: [],
    tensors: [],
    graphs: [],
  }));
  return { name: output, opType, input, output: [output], attribute };
}

function info(name: string, dims: string[]): OnnxValueInfo {
  const dim = dims.map((dimParam) => ({ dimParam }));
  return { name, type: { tensorType: { elemType: 1, shape: { dim } } } };
}
