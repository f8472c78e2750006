import type { Tensor } from '@tensorflow/tfjs-core';
import type { InferenceSession } from 'onnxruntime-node';
import type { Tfjs } from '../../backbone/engines/tfjs-library.js';
import { memoryHandler } from '../../backbone/engines/tfjs-model.js';
import type { RgbImage } from '../../vision/image.js';
import type { JoinedTfjs } from './export-tfjs-graph.js';
import type { ExportedNames } from './join-head.js';

/** An exported model that can be run. */
export interface Runnable {
  /** @returns C probabilities and d features of an image of the model's size. */
  run(image: RgbImage): Promise<{ probabilities: Float32Array; features: Float32Array }>;
  close(): Promise<void>;
}

/** Runs an exported file in the way of any other program, to prove it before it is delivered. */
export class ExportedModel implements Runnable {
  private constructor(
    private readonly runtime: typeof import('onnxruntime-node'),
    private readonly session: InferenceSession,
    private readonly names: ExportedNames,
  ) {}

  static async open(model: Uint8Array, names: ExportedNames): Promise<ExportedModel> {
    process.env.ORT_DISABLE_TELEMETRY = '1';
    const runtime = await import('onnxruntime-node');
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    return new ExportedModel(runtime, session, names);
  }

  async run(image: RgbImage): Promise<{ probabilities: Float32Array; features: Float32Array }> {
    const { width, height, data } = image;
    const pixels = width * height;
    const planes = new Float32Array(3 * pixels);
    for (let i = 0; i < data.length; i++) {
      planes[(i % 3) * pixels + Math.floor(i / 3)] = data[i] as number;
    }
    const { Tensor: OnnxTensor } = this.runtime;
    const outputs = await this.session.run({
      [this.names.input]: new OnnxTensor('float32', planes, [1, 3, height, width]),
    });
    const values = (name: string): Float32Array =>
      (outputs[name]?.data as Float32Array | undefined)?.slice() ?? new Float32Array(0);
    return {
      probabilities: values(this.names.probabilities),
      features: values(this.names.features),
    };
  }

  close(): Promise<void> {
    return this.session.release();
  }
}

/** Loads an exported TensorFlow.js model with TensorFlow.js' own loaders. */
export async function openExportedTfjs(tf: Tfjs, { model, names }: JoinedTfjs): Promise<Runnable> {
  const values = (outputs: Tensor[]): Float32Array[] =>
    outputs.map((tensor) => tensor.dataSync().slice() as Float32Array);
  let answer: (pixels: Tensor) => Tensor[];
  let dispose: () => void;
  if (model.format === 'graph-model') {
    const graph = await tf.loadGraphModel(memoryHandler(model));
    const wanted = [names.probabilities, names.features];
    answer = (pixels) => graph.execute({ [names.input]: pixels }, wanted) as Tensor[];
    dispose = () => graph.dispose();
  } else {
    const layers = await tf.loadLayersModel(memoryHandler(model));
    answer = (pixels) => layers.predict(pixels) as Tensor[];
    dispose = () => layers.dispose();
  }
  return {
    async run({ width, height, data }) {
      const [probabilities, features] = tf.tidy(() =>
        values(answer(tf.tensor4d(Float32Array.from(data), [1, height, width, 3]))),
      ) as [Float32Array, Float32Array];
      return { probabilities, features };
    },
    close: async () => dispose(),
  };
}
