import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { OnnxCodec, type OnnxModel } from '../../backbone/engines/onnx-proto.js';
import { loadRuntime } from '../../backbone/engines/onnx-runtime.js';
import type { ModelCard } from '../../backbone/model-card.js';
import type { RgbImage } from '../../vision/image.js';
import { Histogram } from './histogram.js';
import { tapTensors } from './taps.js';

/** Values of one activation over all calibration images. */
export interface ActivationRecord {
  histogram: Histogram;
  /** Mean of each channel (axis 1). */
  channelMeans: Float64Array;
}

export interface CalibrateOptions {
  card: ModelCard;
  /** S x S each. */
  pictures: readonly RgbImage[];
  /** Most bytes of activations held at once, besides the network's own. */
  maxBytes: number;
  onStep: (done: number, total: number) => void;
}

/** Tensors whose shapes are found at once, from one image. */
const SIZED_AT_ONCE = 8;

/**
 * Runs the fp32 network on images with inner tensors as further outputs, and records their values.
 * Where all of them together would be too large, the images pass several times.
 */
export async function recordActivations(
  model: OnnxModel,
  tensors: readonly string[],
  options: CalibrateOptions,
): Promise<Map<string, ActivationRecord>> {
  const { card, pictures, maxBytes, onStep } = options;
  const bytes = await bytesOf(model, tensors, card, pictures[0] as RgbImage);
  const groups = packed(tensors, bytes, maxBytes);
  const collectors = new Map(tensors.map((name) => [name, new Collector()]));
  let done = 0;
  for (const group of groups) {
    await withTaps(model, group, card, async (run) => {
      for (const picture of pictures) {
        await run(picture, (name, tensor) => (collectors.get(name) as Collector).add(tensor));
        onStep(++done, groups.length * pictures.length);
      }
    });
  }
  return new Map([...collectors].map(([name, collector]) => [name, collector.record()]));
}

class Collector {
  private readonly histogram = new Histogram();
  private sums = new Float64Array(0);
  private perChannel = 0;

  add(tensor: Tensor): void {
    const values = tensor.data as Float32Array;
    const channels = tensor.dims[1] ?? 1;
    if (this.sums.length === 0) this.sums = new Float64Array(channels);
    this.histogram.add(values);
    const perChannel = values.length / channels;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = c * perChannel; i < (c + 1) * perChannel; i++) sum += values[i] as number;
      this.sums[c] = (this.sums[c] as number) + sum;
    }
    this.perChannel += perChannel;
  }

  record(): ActivationRecord {
    return {
      histogram: this.histogram,
      channelMeans: this.sums.map((sum) => sum / this.perChannel),
    };
  }
}

type Run = (picture: RgbImage, see: (name: string, tensor: Tensor) => void) => Promise<void>;

async function withTaps(
  model: OnnxModel,
  tensors: readonly string[],
  card: ModelCard,
  use: (run: Run) => Promise<void>,
): Promise<void> {
  const runtime = await loadRuntime();
  const { tapped, pixels } = tapTensors(model, tensors, card);
  const session: InferenceSession = await runtime.InferenceSession.create(
    new OnnxCodec().encode(tapped),
    { executionProviders: ['cpu'], intraOpNumThreads: 1, logSeverityLevel: 3 },
  );
  const shape = [1, card.inputSize, card.inputSize, 3];
  try {
    await use(async (picture, see) => {
      const input = new runtime.Tensor('uint8', picture.data, shape);
      const outputs = await session.run({ [pixels]: input }, [...tensors]);
      for (const [name, tensor] of Object.entries(outputs)) {
        see(name, tensor);
        tensor.dispose();
      }
    });
  } finally {
    await session.release();
  }
}

async function bytesOf(
  model: OnnxModel,
  tensors: readonly string[],
  card: ModelCard,
  picture: RgbImage,
): Promise<Map<string, number>> {
  const bytes = new Map<string, number>();
  for (let start = 0; start < tensors.length; start += SIZED_AT_ONCE) {
    await withTaps(model, tensors.slice(start, start + SIZED_AT_ONCE), card, (run) =>
      run(picture, (name, tensor) => bytes.set(name, 4 * tensor.size)),
    );
  }
  return bytes;
}

function packed(
  tensors: readonly string[],
  bytes: ReadonlyMap<string, number>,
  maxBytes: number,
): string[][] {
  const groups: string[][] = [];
  let free = 0;
  for (const name of tensors) {
    const size = bytes.get(name) as number;
    if (groups.length === 0 || size > free) {
      groups.push([]);
      free = maxBytes;
    }
    (groups.at(-1) as string[]).push(name);
    free -= size;
  }
  return groups;
}
