import { OnnxCodec, type OnnxModel, type OnnxTensor } from '../../backbone/engines/onnx-proto.js';
import { loadRuntime } from '../../backbone/engines/onnx-runtime.js';
import { createRandom } from '../../base/random.js';
import { tensorInfo } from '../onnx/prune.js';

/** How a kind of convolution sums 8-bit products: in 32 bits, or in pairs in 16 bits first. */
export type KernelSums = 'exact' | 'saturating';

/** Integer kernels of this machine for unsigned 8-bit activations and signed weights. */
export interface IntegerKernels {
  /** Convolutions that are computed as matrix products. */
  dense: KernelSums;
  /** Convolutions with one input channel per output channel. */
  depthwise: KernelSums;
}

const CHANNELS = 32;
const SIZE = 8;
const KERNEL = 3;
const GREATEST_WEIGHT = 127;
const GREATEST_LEVEL = 255;
/** Output levels, of 256, that the largest sum uses on either side of zero. */
const OUTPUT_LEVELS = 120;
/** In levels: rounding alone makes up to a half. */
const ROUNDING = 0.51;
const UINT8 = 2;
const INT8 = 3;
const FLOAT = 1;
const SEED = 8;

/**
 * Runs two small convolutions in ONNX Runtime and compares them with integer arithmetic. The flags
 * of a processor tell neither what an emulator passes on nor which kernels the runtime chooses.
 * Takes a few milliseconds.
 * @throws HeadlandError HL_ENGINE_UNAVAILABLE
 */
export async function probeIntegerKernels(): Promise<IntegerKernels> {
  return { dense: await probe(1), depthwise: await probe(CHANNELS) };
}

async function probe(groups: number): Promise<KernelSums> {
  const random = createRandom(SEED);
  const inputs = CHANNELS / groups;
  const draw = (most: number) => random.int(most + 1);
  const weights = Int8Array.from(
    { length: CHANNELS * inputs * KERNEL * KERNEL },
    () => draw(2 * GREATEST_WEIGHT) - GREATEST_WEIGHT,
  );
  // Half of them at the maximum, where two products exceed 16 bits.
  const levels = Uint8Array.from({ length: CHANNELS * SIZE * SIZE }, () =>
    random.next() < 0.5 ? GREATEST_LEVEL : draw(GREATEST_LEVEL),
  );
  const sums = convolve(levels, weights, groups);
  const scale = sums.reduce((most, sum) => Math.max(most, Math.abs(sum)), 0) / OUTPUT_LEVELS;
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(
    new OnnxCodec().encode(convolution(weights, groups, scale)),
    { executionProviders: ['cpu'], intraOpNumThreads: 1, logSeverityLevel: 3 },
  );
  try {
    const input = new runtime.Tensor('uint8', levels, [1, CHANNELS, SIZE, SIZE]);
    const { output } = await session.run({ input });
    const seen = output?.data as Uint8Array;
    const exact = sums.every((sum, i) => {
      return Math.abs((seen[i] as number) - 128 - sum / scale) <= ROUNDING;
    });
    return exact ? 'exact' : 'saturating';
  } finally {
    await session.release();
  }
}

/** An integer convolution with stride 1 and as many outputs as inputs. */
function convolve(levels: Uint8Array, weights: Int8Array, groups: number): Int32Array {
  const inputs = CHANNELS / groups;
  const border = KERNEL >> 1;
  const level = (channel: number, y: number, x: number): number =>
    y < 0 || x < 0 || y >= SIZE || x >= SIZE
      ? 0
      : (levels[(channel * SIZE + y) * SIZE + x] as number);
  return Int32Array.from({ length: CHANNELS * SIZE * SIZE }, (_, at) => {
    const output = Math.floor(at / (SIZE * SIZE));
    const y = Math.floor(at / SIZE) % SIZE;
    const x = at % SIZE;
    const first = Math.floor(output / (CHANNELS / groups)) * inputs;
    let sum = 0;
    for (let tap = 0; tap < inputs * KERNEL * KERNEL; tap++) {
      const [dy, dx] = [Math.floor(tap / KERNEL) % KERNEL, tap % KERNEL];
      const channel = first + Math.floor(tap / (KERNEL * KERNEL));
      const weight = weights[output * inputs * KERNEL * KERNEL + tap] as number;
      sum += weight * level(channel, y + dy - border, x + dx - border);
    }
    return sum;
  });
}

function convolution(weights: Int8Array, groups: number, scale: number): OnnxModel {
  const border = KERNEL >> 1;
  const constant = (
    name: string,
    dims: number[],
    dataType: number,
    values: Float32Array | Int8Array | Uint8Array,
  ): OnnxTensor => {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name, dims, dataType, rawData };
  };
  const shape = [1, CHANNELS, SIZE, SIZE];
  const initializer = [
    constant('one', [], FLOAT, Float32Array.of(1)),
    constant('zero', [], UINT8, Uint8Array.of(0)),
    constant('weights', [CHANNELS, CHANNELS / groups, KERNEL, KERNEL], INT8, weights),
    constant('ones', [CHANNELS], FLOAT, new Float32Array(CHANNELS).fill(1)),
    constant('zeros', [CHANNELS], INT8, new Int8Array(CHANNELS)),
    constant('scale', [], FLOAT, Float32Array.of(scale)),
    constant('middle', [], UINT8, Uint8Array.of(128)),
  ];
  const node = {
    name: 'convolution',
    opType: 'QLinearConv',
    output: ['output'],
    input: ['input', 'one', 'zero', 'weights', 'ones', 'zeros', 'scale', 'middle'],
    attribute: [
      { name: 'pads', type: 7, ints: [border, border, border, border] },
      { name: 'group', type: 2, i: groups },
    ],
  };
  return {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name: 'probe',
      node: [node],
      initializer,
      valueInfo: [],
      input: [tensorInfo('input', shape, UINT8)],
      output: [tensorInfo('output', shape, UINT8)],
    },
  };
}
