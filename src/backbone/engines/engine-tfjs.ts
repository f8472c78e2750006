import type { GraphModel } from '@tensorflow/tfjs-converter';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { RgbImage } from '../../vision/image.js';
import type { Backbone } from '../backbone.js';
import type { ModelCard } from '../model-card.js';
import { EngineInput, refuseClosed } from './engine-input.js';
import { graphEnds } from './tfjs-graph.js';
import { openTfjs, type Tfjs, type TfjsBackend, type TfjsEngine } from './tfjs-library.js';
import { invalidTfjs, memoryHandler, type TfjsModel, unpackTfjs } from './tfjs-model.js';

export interface TfjsBackboneOptions {
  card: ModelCard;
  /** The converted model, as packTfjs wrote it. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  log: Log;
  /** Default: the fastest that opens. */
  backends?: readonly TfjsBackend[];
}

/** Limit of the field in the MQTT contract. */
const MAX_ENGINE_CHARACTERS = 128;

/**
 * Runs a backbone with TensorFlow.js: tf.layers and graph models, on its native, WebAssembly or
 * JavaScript backend. A forward pass blocks the calling thread. Every tensor is disposed after it,
 * and the weights on close.
 */
export class TfjsBackbone implements Backbone {
  readonly name: string;
  readonly checksum: string;
  readonly inputSize: number;
  readonly featureSize: number;
  private closed = false;

  private constructor(
    card: ModelCard,
    checksum: string,
    readonly engine: string,
    private readonly tfjs: TfjsEngine,
    private readonly network: Network,
    private readonly input: EngineInput,
  ) {
    this.name = card.name;
    this.checksum = checksum;
    this.inputSize = card.inputSize;
    this.featureSize = card.featureSize;
  }

  /** @throws HeadlandError HL_TFJS_UNAVAILABLE, HL_MODEL_TFJS_INVALID */
  static async create(options: TfjsBackboneOptions): Promise<TfjsBackbone> {
    const { card, checksum, log, backends } = options;
    const model = unpackTfjs(options.model);
    const tfjs = await openTfjs(log, backends);
    const network = await load(tfjs.tf, model, card);
    const engine = `tfjs: ${tfjs.reason}`.slice(0, MAX_ENGINE_CHARACTERS);
    return new TfjsBackbone(card, checksum, engine, tfjs, network, new EngineInput(card));
  }

  async embed(image: RgbImage): Promise<Float32Array> {
    refuseClosed(this.name, this.closed);
    this.input.fill(image);
    const features = this.forward();
    // The JavaScript backend returns its own memory, so it is copied.
    const own: unknown = features.slice();
    this.input.checkFeatures(own);
    return own;
  }

  private forward() {
    const { tf, backend } = this.tfjs;
    const { inputSize } = this;
    // The backend is global to the thread, and another user of TensorFlow.js may have changed it.
    // For a running backend the change takes effect at once, so that nothing can come between.
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
    try {
      return tf.tidy(() =>
        this.network.run(tf.tensor4d(this.input.values, [1, inputSize, inputSize, 3])).dataSync(),
      );
    } catch (error) {
      throw invalidTfjs(`TensorFlow.js cannot run it: ${messageOf(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.network.dispose();
  }
}

/** A loaded model, from its input to the tapped tensor. */
interface Network {
  /** @param pixels 1 x S x S x 3 */
  run(pixels: Tensor): Tensor;
  dispose(): void;
}

/** Fetches and reads nothing: the model comes from memory. */
async function load(tf: Tfjs, model: TfjsModel, card: ModelCard): Promise<Network> {
  try {
    return model.format === 'layers-model'
      ? await loadLayers(tf, model, card)
      : await loadGraph(tf, model);
  } catch (error) {
    if (isHeadlandError(error)) throw error;
    throw invalidTfjs(`TensorFlow.js cannot load it: ${messageOf(error)}`, { cause: error });
  }
}

async function loadLayers(tf: Tfjs, model: TfjsModel, card: ModelCard): Promise<Network> {
  const whole = await tf.loadLayersModel(memoryHandler(model));
  try {
    // The layers are shared: the weights behind the tap are disposed with the whole model, not with
    // this one.
    const tapped = tf.model({ inputs: whole.inputs, outputs: tappedLayer(tf, whole, card) });
    return {
      run: (pixels) => tapped.predict(pixels, { batchSize: 1 }) as Tensor,
      dispose: () => whole.dispose(),
    };
  } catch (error) {
    whole.dispose();
    throw error;
  }
}

/**
 * Features of a tf.layers model by its card, N x d or N x 1 x 1 x d.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID
 */
export function tappedLayer(tf: Tfjs, model: LayersModel, card: ModelCard): SymbolicTensor {
  const output = card.tap === null ? model.outputs : model.getLayer(card.tap).output;
  const outputs = Array.isArray(output) ? output : [output];
  if (model.inputs.length !== 1 || outputs.length !== 1) {
    throw invalidTfjs(
      `it has ${model.inputs.length} inputs and ${outputs.length} outputs where the card taps it`,
    );
  }
  const [features] = outputs as [SymbolicTensor];
  if (card.pool === 'none') return features;
  return tf.layers.globalAveragePooling2d({}).apply(features) as SymbolicTensor;
}

async function loadGraph(tf: Tfjs, model: TfjsModel): Promise<Network> {
  const ends = graphEnds(model);
  const graph: GraphModel = await tf.loadGraphModel(memoryHandler(model));
  return {
    run: (pixels) => graph.execute({ [ends.input]: pixels }, ends.output) as Tensor,
    dispose: () => graph.dispose(),
  };
}
