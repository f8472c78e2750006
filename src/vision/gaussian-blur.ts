import type { RgbImage } from './image.js';

const WEIGHT_BITS = 12;
/** Bits dropped from a sum of rows, so that it fits 16 bits and keeps 8 below the level. */
const CUT_BITS = 4;
const DOWN_BITS = 2 * WEIGHT_BITS - CUT_BITS;
const HALF = 1 << (DOWN_BITS - 1);

/**
 * Blurs with a Gaussian that is cut at three standard deviations, first along rows, then along
 * columns, in fixed point: the same bytes on every machine. The border pixels extend outwards. An
 * even area keeps its level.
 *
 * @param sigmaPixels standard deviation, >= 0; when it is 0 or too small to weigh a neighbour, the
 *   image itself is returned
 */
export function gaussianBlurRgb(image: RgbImage, sigmaPixels: number): RgbImage {
  const weights = halfKernel(sigmaPixels);
  if (weights.length === 1) return image;
  const { width, height } = image;
  return { width, height, data: alongColumns(alongRows(image, weights), image, weights) };
}

/** Weights of the distances 0, 1, …; over both sides they add up to 2^WEIGHT_BITS. */
function halfKernel(sigmaPixels: number): Int32Array {
  const radius = Math.ceil(3 * sigmaPixels);
  const shares = Array.from({ length: radius + 1 }, (_, distance) =>
    distance === 0 ? 1 : Math.exp(-((distance / sigmaPixels) ** 2) / 2),
  );
  const total = shares.reduce((sum, share, distance) => sum + (distance ? 2 : 1) * share, 0);
  const weights = shares.map((share) => Math.round((share / total) * 2 ** WEIGHT_BITS));
  while (weights.length > 1 && weights.at(-1) === 0) weights.pop();
  weights[0] = 2 ** WEIGHT_BITS - 2 * weights.slice(1).reduce((sum, weight) => sum + weight, 0);
  return Int32Array.from(weights);
}

function alongRows({ width, data }: RgbImage, weights: Int32Array): Uint16Array {
  const radius = weights.length - 1;
  const stride = width * 3;
  const first = 3 * radius;
  const padded = new Uint8Array(stride + 2 * first);
  const result = new Uint16Array(data.length);
  for (let line = 0; line < data.length; line += stride) {
    padded.set(data.subarray(line, line + stride), first);
    for (let i = 0; i < first; i++) {
      padded[i] = data[line + (i % 3)]!;
      padded[first + stride + i] = data[line + stride - 3 + (i % 3)]!;
    }
    for (let i = 0; i < stride; i++) {
      const middle = first + i;
      let sum = Math.imul(weights[0]!, padded[middle]!);
      for (let distance = 1, step = 3; distance <= radius; distance++, step += 3) {
        sum += Math.imul(weights[distance]!, padded[middle - step]! + padded[middle + step]!);
      }
      result[line + i] = sum >> CUT_BITS;
    }
  }
  return result;
}

function alongColumns(
  rows: Uint16Array,
  { width, height }: RgbImage,
  weights: Int32Array,
): Uint8Array {
  const radius = weights.length - 1;
  const stride = width * 3;
  const sums = new Int32Array(stride);
  const result = new Uint8Array(rows.length);
  for (let y = 0; y < height; y++) {
    const line = y * stride;
    for (let i = 0; i < stride; i++) sums[i] = Math.imul(weights[0]!, rows[line + i]!);
    for (let distance = 1; distance <= radius; distance++) {
      const weight = weights[distance]!;
      const above = Math.max(0, y - distance) * stride;
      const below = Math.min(height - 1, y + distance) * stride;
      for (let i = 0; i < stride; i++) {
        sums[i] = (sums[i]! + Math.imul(weight, rows[above + i]! + rows[below + i]!)) | 0;
      }
    }
    for (let i = 0; i < stride; i++) result[line + i] = (sums[i]! + HALF) >> DOWN_BITS;
  }
  return result;
}
