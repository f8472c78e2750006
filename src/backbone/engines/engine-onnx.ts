import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { ExecutionProvider } from '../../config/schema.js';
import type { RgbImage } from '../../vision/image.js';
import { type Backbone, FEATURES } from '../backbone.js';
import type { ModelCard } from '../model-card.js';
import { EngineInput, refuseClosed } from './engine-input.js';
import { loadRuntime } from './onnx-runtime.js';

export type { InferenceSession, Tensor };

export interface OnnxEngineOptions {
  card: ModelCard;
  /** The converted model: one input 1 x 3 x S x S, one output `features` 1 x d. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  /** Intra-op threads. */
  threads: number;
  /** Default: the CPU, with the ONNX Runtime of the package. */
  execution?: Execution;
}

/** Where ONNX Runtime computes. */
export interface Execution {
  /** Name of an execution provider. */
  provider: ExecutionProvider;
  /** Folder of a build of ONNX Runtime; null: that of the package. */
  libraryPath: string | null;
}

/** How the session of a backbone computes. @param threads intra-op threads */
export function sessionOptions(
  threads: number,
  provider: ExecutionProvider = 'cpu',
): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A pattern reserves one block beside those of the first run: 11 MiB more, and no faster.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // A spinning thread would take the core from the camera or the trainer.
    extra: {
      session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } },
    },
  };
}

/**
 * Runs a converted backbone with ONNX Runtime. A forward pass blocks the calling thread,
 * so frames belong into a worker thread; several engines may exist in one process.
 *
 * A worker must be asked to close its engine and to end by itself: `worker.terminate()`, or
 * `process.exit()` elsewhere, during a forward pass aborts the whole process (onnxruntime-node
 * 1.27: "terminate called after throwing an instance of 'Napi::Error'").
 */
export class OnnxEngine implements Backbone {
  readonly name: string;
  readonly checksum: string;
  readonly inputSize: number;
  readonly featureSize: number;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    card: ModelCard,
    checksum: string,
    readonly engine: string,
    private readonly session: InferenceSession,
    private readonly input: EngineInput,
    private readonly tensor: Tensor,
  ) {
    this.name = card.name;
    this.checksum = checksum;
    this.inputSize = card.inputSize;
    this.featureSize = card.featureSize;
  }

  /** @throws HeadlandError HL_ENGINE_UNAVAILABLE, HL_ACCELERATOR_UNAVAILABLE, HL_MODEL_ONNX_INVALID */
  static async create(options: OnnxEngineOptions): Promise<OnnxEngine> {
    const { card, checksum, execution } = options;
    const provider = execution?.provider ?? 'cpu';
    const runtime = await loadRuntime(execution?.libraryPath);
    // ONNX Runtime drops a provider that it does not have, and computes on the CPU without a word.
    if (!runtime.listSupportedBackends().some(({ name }) => name === provider)) {
      throw new Error(`this build of ONNX Runtime has no ${provider}`);
    }
    let session: InferenceSession;
    try {
      session = await runtime.InferenceSession.create(
        options.model,
        sessionOptions(options.threads, provider),
      );
    } catch (cause) {
      throw new HeadlandError(
        'HL_MODEL_ONNX_INVALID',
        `ONNX Runtime cannot load backbone ${card.name}: ${messageOf(cause)}`,
        {
          remedy:
            'Export the model again, with ONNX opset 13 to 21. In a card of your own, correct tap and sizes.',
          cause,
        },
      );
    }
    const input = new EngineInput(card);
    const shape = [1, 3, card.inputSize, card.inputSize];
    const tensor = new runtime.Tensor('float32', input.values, shape);
    const engine = `onnxruntime-node ${runtime.env.versions.node ?? '(unknown version)'} ${provider}`;
    return new OnnxEngine(card, checksum, engine, session, input, tensor);
  }

  async embed(image: RgbImage): Promise<Float32Array> {
    refuseClosed(this.name, this.closed);
    // There is one input buffer, so overlapping calls wait for each other.
    const result = this.last.then(() => this.forward(image));
    this.last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.last;
    await this.session.release();
  }

  private async forward(image: RgbImage): Promise<Float32Array> {
    this.input.fill(image);
    const outputs = await this.session.run({ [this.session.inputNames[0] as string]: this.tensor });
    const output = outputs[FEATURES];
    const features = output?.data.slice();
    output?.dispose();
    this.input.checkFeatures(features);
    return features;
  }
}
