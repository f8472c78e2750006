import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { HeadlandError, messageOf } from '../errors.js';
import type { RgbImage } from '../vision/image.js';
import type { Backbone } from './backbone.js';
import type { ModelCard } from './cards.js';
import { FEATURES } from './prune.js';

export interface OnnxEngineOptions {
  card: ModelCard;
  /** The converted model: one input 1 x 3 x S x S, one output `features` 1 x d. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  /** Intra-op threads. */
  threads: number;
}

/**
 * Runs a converted backbone with ONNX Runtime on the CPU. A forward pass blocks the thread that
 * asks for it, so frames belong into a worker thread; several engines may live in one process.
 *
 * A worker must be asked to close its engine and end by itself: `worker.terminate()`, or
 * `process.exit()` elsewhere, in the middle of a forward pass aborts the whole process
 * (onnxruntime-node 1.27: "terminate called after throwing an instance of 'Napi::Error'").
 */
export class OnnxEngine implements Backbone {
  readonly name: string;
  readonly checksum: string;
  readonly inputSize: number;
  readonly featureSize: number;
  /** Of each channel, the normalised value of every byte: 3 x 256. */
  private readonly normalised: Float32Array;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    card: ModelCard,
    checksum: string,
    readonly engine: string,
    private readonly session: InferenceSession,
    private readonly input: Tensor,
  ) {
    this.name = card.name;
    this.checksum = checksum;
    this.inputSize = card.inputSize;
    this.featureSize = card.featureSize;
    this.normalised = normalisationTable(card.normalisation);
  }

  /** @throws HeadlandError HL_ENGINE_UNAVAILABLE, HL_MODEL_ONNX_INVALID */
  static async create(options: OnnxEngineOptions): Promise<OnnxEngine> {
    const { card, checksum } = options;
    const runtime = await loadRuntime();
    let session: InferenceSession;
    try {
      session = await runtime.InferenceSession.create(options.model, {
        executionProviders: ['cpu'],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // A spinning thread takes the core that the camera or the trainer waits for.
        extra: {
          session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } },
        },
      });
    } catch (cause) {
      throw new HeadlandError(
        'HL_MODEL_ONNX_INVALID',
        `ONNX Runtime cannot load backbone ${card.name}: ${messageOf(cause)}`,
        { remedy: 'Check the card, or export the model with opset 13 to 21.', cause },
      );
    }
    const shape = [1, 3, card.inputSize, card.inputSize];
    const input = new runtime.Tensor(
      'float32',
      new Float32Array(3 * card.inputSize * card.inputSize),
      shape,
    );
    const engine = `onnxruntime-node ${runtime.env.versions.node ?? '(unknown version)'} cpu`;
    return new OnnxEngine(card, checksum, engine, session, input);
  }

  async embed(image: RgbImage): Promise<Float32Array> {
    if (this.closed) {
      throw new HeadlandError('HL_BACKBONE_CLOSED', `backbone ${this.name} is closed`, {
        remedy: 'Open it again.',
      });
    }
    // The input buffer is one: calls that overlap wait for each other.
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
    this.fill(image);
    const outputs = await this.session.run({ [this.session.inputNames[0] as string]: this.input });
    const output = outputs[FEATURES];
    const data = output?.data;
    if (!(data instanceof Float32Array) || data.length !== this.featureSize) {
      throw this.invalidOutput(`${data?.length ?? 'no'} features instead of ${this.featureSize}`);
    }
    const features = data.slice();
    output?.dispose();
    if (!features.every(Number.isFinite)) throw this.invalidOutput('features that are not finite');
    return features;
  }

  /** Interleaved bytes to normalised planes. */
  private fill(image: RgbImage): void {
    const size = this.inputSize;
    const pixels = size * size;
    if (image.width !== size || image.height !== size || image.data.length !== pixels * 3) {
      throw new HeadlandError(
        'HL_BACKBONE_INPUT_SIZE',
        `backbone ${this.name} takes ${size} x ${size} RGB pixels, ` +
          `not ${image.width} x ${image.height} (${image.data.length} bytes)`,
        { remedy: 'Decode the picture to the input size of the backbone.' },
      );
    }
    const { normalised } = this;
    const { data } = image;
    const planes = this.input.data as Float32Array;
    for (let p = 0, i = 0; p < pixels; p++, i += 3) {
      planes[p] = normalised[data[i] as number] as number;
      planes[p + pixels] = normalised[256 + (data[i + 1] as number)] as number;
      planes[p + 2 * pixels] = normalised[512 + (data[i + 2] as number)] as number;
    }
  }

  private invalidOutput(what: string): HeadlandError {
    return new HeadlandError('HL_BACKBONE_OUTPUT_INVALID', `backbone ${this.name} gave ${what}`, {
      remedy: 'Run `headland models verify`; if that passes, the picture or the memory is damaged.',
    });
  }
}

/** ONNX Runtime, loaded on first use. @throws HeadlandError HL_ENGINE_UNAVAILABLE */
export async function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  // Newer versions on Linux carry a telemetry client; this must be set before they load.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new HeadlandError(
      'HL_ENGINE_UNAVAILABLE',
      `ONNX Runtime does not load on ${process.platform} ${process.arch}: ${messageOf(cause)}`,
      { remedy: 'Use 64-bit Linux (glibc 2.28 or newer) and run npm ci again.', cause },
    );
  }
}

function normalisationTable({ mean, std }: ModelCard['normalisation']): Float32Array {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) {
      table[channel * 256 + value] = (value - (mean[channel] as number)) / (std[channel] as number);
    }
  }
  return table;
}
