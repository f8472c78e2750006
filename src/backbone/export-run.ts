import type { InferenceSession } from 'onnxruntime-node';
import type { RgbImage } from '../vision/image.js';
import type { ExportedNames } from './export.js';

/** Runs an exported file as any other program would: to prove it before it is handed over. */
export class ExportedModel {
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

  /** @returns C probabilities and d features of a picture of the model's size. */
  async run(image: RgbImage): Promise<{ probabilities: Float32Array; features: Float32Array }> {
    const { width, height, data } = image;
    const pixels = width * height;
    const planes = new Float32Array(3 * pixels);
    for (let i = 0; i < data.length; i++) {
      planes[(i % 3) * pixels + Math.floor(i / 3)] = data[i] as number;
    }
    const { Tensor } = this.runtime;
    const outputs = await this.session.run({
      [this.names.input]: new Tensor('float32', planes, [1, 3, height, width]),
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
