import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { OnnxCodec, type OnnxNode, type OnnxValueInfo } from '../backbone/onnx-proto.js';
import { HeadlandError, messageOf } from '../errors.js';
import type { SoftmaxEngine } from '../head/softmax.js';
import type { SoftmaxData } from '../head/softmax-objective.js';

type Runtime = typeof import('onnxruntime-node');

/** The tensors that stay the same while a fold is fitted. */
interface Fold {
  feeds: Record<string, Tensor>;
  weights: Float32Array;
  bias: Float32Array;
}

/**
 * The softmax objective and its gradient as one ONNX graph: two matrix products a call, in Float32,
 * by ONNX Runtime's kernels. `SoftmaxObjective` is the reference; values agree to 6 digits. Inputs
 * are handed over without a copy, so that only the gradient (classes x features) is new per call.
 */
export class OnnxSoftmaxEngine implements SoftmaxEngine {
  readonly #folds = new WeakMap<SoftmaxData, Fold>();

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
  ) {}

  /** @throws HeadlandError HL_ENGINE_UNAVAILABLE */
  static async create(threads: number): Promise<OnnxSoftmaxEngine> {
    process.env.ORT_DISABLE_TELEMETRY = '1';
    try {
      const runtime = await import('onnxruntime-node');
      const session = await runtime.InferenceSession.create(objectiveGraph(), {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      return new OnnxSoftmaxEngine(runtime, session);
    } catch (cause) {
      throw new HeadlandError(
        'HL_ENGINE_UNAVAILABLE',
        `ONNX Runtime cannot run the softmax objective: ${messageOf(cause)}`,
        { remedy: 'Use 64-bit Linux (glibc 2.28 or newer) and run npm ci again.', cause },
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

  async close(): Promise<void> {
    await this.session.release();
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

/** -Σ target · ln p, row by row, and its slopes xᵀ(share · p - target): opset 13. */
function objectiveGraph(): Uint8Array {
  const nodes: OnnxNode[] = [];
  const add = (opType: string, input: string[], output: string, flags: [string, number][]) => {
    const attribute = flags.map(([name, i]) => ({
      ...{ name, type: 2, i },
      ...{ floats: [], ints: [], strings: [], tensors: [], graphs: [] },
    }));
    nodes.push({ name: output, opType, input, output: [output], attribute });
  };
  add('Gemm', ['x', 'weights', 'bias'], 'logits', [['transB', 1]]);
  add('LogSoftmax', ['logits'], 'logP', [['axis', 1]]);
  add('Mul', ['target', 'logP'], 'losses', []);
  add('ReduceSum', ['losses', 'columns'], 'loss', [['keepdims', 0]]);
  add('Exp', ['logP'], 'p', []);
  add('Mul', ['share', 'p'], 'sharedP', []);
  add('Sub', ['sharedP', 'target'], 'residual', []);
  add('Gemm', ['x', 'residual'], 'slope', [['transA', 1]]);
  add('ReduceSum', ['residual', 'rows'], 'biasSlope', [['keepdims', 0]]);
  const axis = (name: string, value: number) => ({
    ...{ name, dims: [1], dataType: 7, int64Data: [value] },
  });
  return new OnnxCodec().encode({
    irVersion: 7,
    producerName: 'headland',
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name: 'softmax-objective',
      node: nodes,
      initializer: [axis('columns', 1), axis('rows', 0)],
      input: [
        info('x', ['n', 'd']),
        info('weights', ['c', 'd']),
        info('bias', ['c']),
        info('share', ['n', 'one']),
        info('target', ['n', 'c']),
      ],
      output: [info('loss', ['n']), info('slope', ['d', 'c']), info('biasSlope', ['c'])],
      valueInfo: [],
    },
  });
}

function info(name: string, dims: string[]): OnnxValueInfo {
  const dim = dims.map((dimParam) => ({ dimParam }));
  return { name, type: { tensorType: { elemType: 1, shape: { dim } } } };
}
