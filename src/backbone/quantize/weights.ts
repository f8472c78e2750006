/** A convolution's weights in 8 bits, one scale for each output channel. */
export interface QuantizedWeights {
  /** In the shape of the original. */
  values: Int8Array;
  /** One for each output channel. */
  scales: Float32Array;
}

/** Beyond this a 32-bit bias could overflow the sum that it starts. */
const MAX_BIAS_LEVEL = 2 ** 30;

/**
 * Symmetric quantization along the first axis: level = round(w / scale), zero stays zero.
 *
 * @param bits 8, or 7 for processors whose 8-bit product sums saturate (x86-64 without VNNI: two
 *   products of up to 255 x 127 are added in 16 bits).
 * @param bias By output channel; keeps the scale of a channel of almost no weight from becoming so
 *   small that its bias overflows.
 */
export function quantizeWeights(
  weights: Float32Array,
  channels: number,
  bits: 7 | 8,
  inputScale: number,
  bias: Float32Array | null,
): QuantizedWeights {
  const levels = 2 ** (bits - 1) - 1;
  const perChannel = weights.length / channels;
  const values = new Int8Array(weights.length);
  const scales = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const own = weights.subarray(c * perChannel, (c + 1) * perChannel);
    let greatest = 0;
    for (const weight of own) greatest = Math.max(greatest, Math.abs(weight));
    const leastForBias = Math.abs(bias?.[c] ?? 0) / (inputScale * MAX_BIAS_LEVEL);
    const scale = Math.max(greatest / levels, leastForBias) || 1;
    scales[c] = scale;
    const stored = scales[c] as number;
    own.forEach((weight, i) => {
      values[c * perChannel + i] = Math.max(-levels, Math.min(levels, Math.round(weight / stored)));
    });
  }
  return { values, scales };
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
 * What rounding the weights takes from the mean of each output channel, so that it can be given
 * back by the bias (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
 * Correction", ICCV 2019). Borders, where a padded input counts as zero, are taken for inside.
 *
 * @param inputMeans Mean of each input channel of the whole tensor.
 * @param groups Of the convolution.
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
