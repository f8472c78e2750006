/** A convolution's weights in 8 bits, one scale for each output channel. */
export interface QuantizedWeights {
  /** In the shape of the original. */
  values: Int8Array;
  /** One for each output channel. */
  scales: Float32Array;
}

/** A larger 32-bit bias could overflow the sum that it starts. */
const MAX_BIAS_LEVEL = 2 ** 30;

/**
 * How large weights may be.
 *
 * - full-range: -127 to 127. For kernels that sum 8-bit products exactly.
 * - pairs-limited: also, when a kernel multiplies and adds two weights of one sign in one 16-bit
 *   step, they sum to 128 at most, so that no sum with unsigned 8-bit activations can saturate (255
 *   x 128 < 2^15). For x86-64 without VNNI (VPMADDUBSW).
 */
export type WeightRule = 'full-range' | 'pairs-limited';

export interface QuantizeWeightsOptions {
  /** O x I/groups x kernel … */
  dims: readonly number[];
  rule: WeightRule;
  inputScale: number;
  /**
   * By output channel. Keeps the scale of a channel with tiny weights large enough for its bias.
   */
  bias: Float32Array | null;
}

const GREATEST_LEVEL = 127;
/** 255 times this is the largest multiple of 255 below 2^15. */
const GREATEST_PAIR = 128;
/** Scales tried for a channel with limited pairs. */
const SCALE_STEPS = 16;

/**
 * Symmetric quantization along the first axis: level = round(w / scale), zero stays zero. Where
 * pairs are limited, a channel gets the scale with the least squared error between that of its
 * largest weight and that of its largest pair; a pair still beyond the limit is cut.
 */
export function quantizeWeights(
  weights: Float32Array,
  { dims, rule, inputScale, bias }: QuantizeWeightsOptions,
): QuantizedWeights {
  const channels = dims[0] as number;
  const perChannel = weights.length / channels;
  const pairs = rule === 'pairs-limited' ? pairsOf(dims) : [];
  const values = new Int8Array(weights.length);
  const scales = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const own = weights.subarray(c * perChannel, (c + 1) * perChannel);
    const leastForBias = Math.abs(bias?.[c] ?? 0) / (inputScale * MAX_BIAS_LEVEL);
    let best: { scale: number; levels: Int8Array; error: number } | null = null;
    for (const wanted of scalesToTry(own, pairs)) {
      const scale = Math.fround(Math.max(wanted, leastForBias) || 1);
      const levels = levelsOf(own, scale, pairs);
      const error = squaredError(own, scale, levels);
      if (best === null || error < best.error) best = { scale, levels, error };
    }
    if (best === null) continue;
    scales[c] = best.scale;
    values.set(best.levels, c * perChannel);
  }
  return { values, scales };
}

type Pairs = readonly (readonly [number, number])[];

/**
 * Weights of a channel that a kernel adds in one step: neighbours in the order of matrix products,
 * which take one place of the kernel after the other, and all input channels at each place.
 */
function pairsOf(dims: readonly number[]): Pairs {
  const inputs = dims[1] as number;
  const places = dims.slice(2).reduce((product, size) => product * size, 1);
  const at = (position: number) => (position % inputs) * places + Math.floor(position / inputs);
  return Array.from({ length: (inputs * places) >> 1 }, (_, pair) => [
    at(2 * pair),
    at(2 * pair + 1),
  ]);
}

function scalesToTry(weights: Float32Array, pairs: Pairs): number[] {
  let greatest = 0;
  for (const weight of weights) greatest = Math.max(greatest, Math.abs(weight));
  const least = greatest / GREATEST_LEVEL;
  let greatestPair = 0;
  for (const [i, j] of pairs) {
    const [a, b] = [weights[i] as number, weights[j] as number];
    if (a * b > 0) greatestPair = Math.max(greatestPair, Math.abs(a + b));
  }
  const most = greatestPair / GREATEST_PAIR;
  if (most <= least) return [least];
  return Array.from(
    { length: SCALE_STEPS + 1 },
    (_, step) => least + ((most - least) * step) / SCALE_STEPS,
  );
}

function levelsOf(weights: Float32Array, scale: number, pairs: Pairs): Int8Array {
  const levels = Int8Array.from(weights, (weight) =>
    Math.max(-GREATEST_LEVEL, Math.min(GREATEST_LEVEL, Math.round(weight / scale))),
  );
  for (const [i, j] of pairs) {
    const [a, b] = [levels[i] as number, levels[j] as number];
    const beyond = Math.abs(a + b) - GREATEST_PAIR;
    if (a * b <= 0 || beyond <= 0) continue;
    // The least squared error: both are reduced by the same amount.
    const half = beyond >> 1;
    levels[i] = a - Math.sign(a) * half;
    levels[j] = b - Math.sign(b) * (beyond - half);
  }
  return levels;
}

function squaredError(weights: Float32Array, scale: number, levels: Int8Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += ((weights[i] as number) - (levels[i] as number) * scale) ** 2;
  }
  return sum;
}

/** A bias in 32 bits, on the scale of the products that it is added to. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): { values: Int32Array; scales: Float32Array } {
  const scales = weightScales.map((scale) => scale * inputScale);
  const values = Int32Array.from(bias, (value, c) => Math.round(value / (scales[c] as number)));
  return { values, scales };
}

/**
 * Shift of the mean of each output channel by the rounding of weights, which the bias then corrects
 * (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
 * 2019). Borders, where a padded input counts as zero, are treated like the inside.
 *
 * @param inputMeans Mean of each input channel of the whole tensor.
 * @param groups of the convolution.
 */
export function roundingShift(
  weights: Float32Array,
  quantized: QuantizedWeights,
  inputMeans: Float64Array,
  groups: number,
): Float64Array {
  const channels = quantized.scales.length;
  const perChannel = weights.length / channels;
  const inputsPerGroup = inputMeans.length / groups;
  const taps = perChannel / inputsPerGroup;
  const shift = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const firstInput = Math.floor(c / (channels / groups)) * inputsPerGroup;
    let sum = 0;
    for (let i = 0; i < perChannel; i++) {
      const at = c * perChannel + i;
      const rounded = (quantized.values[at] as number) * (quantized.scales[c] as number);
      const mean = inputMeans[firstInput + Math.floor(i / taps)] as number;
      sum += ((weights[at] as number) - rounded) * mean;
    }
    shift[c] = sum;
  }
  return shift;
}
