import type { Histogram } from './histogram.js';

/** How the range of an activation is chosen from the calibration. */
export const RANGE_METHODS = ['min-max', 'percentile', 'squared-error'] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

/** A closed interval that contains zero. */
export interface Range {
  low: number;
  high: number;
}

/** An affine quantizer to 8 bits: q = round(x / scale) + zeroPoint, limited to 0..255. */
export interface Quantizer {
  scale: number;
  /** 0..255 */
  zeroPoint: number;
}

/** This share of the values may fall outside, half of it at each end. */
const CUT_SHARE = 1e-4;
/** Number of ranges tried by squared error, in even steps down to the least share. */
const STEPS = 40;
const LEAST_SHARE = 0.2;
const LEVELS = 256;

/**
 * Range of an activation.
 *
 * - min-max: all values.
 * - percentile: all but the outermost 0.01 %.
 * - squared-error: least mean squared error of the quantized values.
 */
export function chooseRange(histogram: Histogram, method: RangeMethod): Range {
  const whole = { low: Math.min(0, histogram.min), high: Math.max(0, histogram.max) };
  if (!(whole.high - whole.low > 0)) return { low: 0, high: 1e-6 };
  if (method === 'min-max') return whole;
  if (method === 'percentile') return percentileRange(histogram, whole);
  return narrowest(histogram, whole);
}

/** The quantizer whose levels cover a range; zero is exactly one of them. */
export function quantizerOf({ low, high }: Range): Quantizer {
  const scale = Math.fround((high - low) / (LEVELS - 1));
  return { scale, zeroPoint: Math.min(LEVELS - 1, Math.max(0, Math.round(-low / scale))) };
}

function percentileRange(histogram: Histogram, whole: Range): Range {
  const { counts } = histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const cut = (total * CUT_SHARE) / 2;
  let low = 0;
  for (let beyond = 0; low < counts.length; low++) {
    beyond += counts[low] as number;
    if (beyond > cut) break;
  }
  let high = counts.length - 1;
  for (let beyond = 0; high >= 0; high--) {
    beyond += counts[high] as number;
    if (beyond > cut) break;
  }
  return {
    low: Math.max(whole.low, Math.min(0, histogram.valueOf(low))),
    high: Math.min(whole.high, Math.max(0, histogram.valueOf(high))),
  };
}

/** Narrows both ends, one after the other, to the least error. */
function narrowest(histogram: Histogram, whole: Range): Range {
  let best = whole;
  let least = squaredError(histogram, whole);
  for (const end of ['high', 'low', 'high'] as const) {
    const from = best;
    for (let step = 0; step <= STEPS; step++) {
      const share = 1 - ((1 - LEAST_SHARE) * step) / STEPS;
      const range = { ...from, [end]: whole[end] * share };
      if (!(range.high - range.low > 0)) continue;
      const error = squaredError(histogram, range);
      if (error < least) {
        least = error;
        best = range;
      }
    }
  }
  return best;
}

function squaredError(histogram: Histogram, range: Range): number {
  const { scale, zeroPoint } = quantizerOf(range);
  let sum = 0;
  histogram.counts.forEach((count, bin) => {
    if (count === 0) return;
    const value = histogram.valueOf(bin);
    const level = Math.min(LEVELS - 1, Math.max(0, Math.round(value / scale) + zeroPoint));
    const error = value - (level - zeroPoint) * scale;
    sum += count * error * error;
  });
  return sum;
}
