import { checkFailed } from '../../backbone/check-model.js';
import { drawCheckPicture, drawConstantPicture } from '../../backbone/check-picture.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openEngine } from '../../backbone/open-engine.js';
import { silentLog } from '../../base/log.js';
import type { RgbImage } from '../../vision/image.js';

/** Statistics of a new backbone's features on different images. */
export interface FeatureCheck {
  pictures: number;
  /** Least relative difference between two images: |a - b| / max(|a|, |b|). */
  leastDifference: number;
  /**
   * Share of features with one value for all images, 0..1: dead ones, or a tap in the wrong place.
   */
  constantShare: number;
  /** Median of a forward pass on one thread, milliseconds. */
  forwardMs: number;
}

/** Features of two images must differ by this share of their length; rounding makes 1e-6. */
const LEAST_DIFFERENCE = 1e-3;
const GOLDEN_FEATURES = 32;
/** As a share of the largest golden feature: processors differ by 1e-5 or less. */
const GOLDEN_TOLERANCE = 1e-3;
const TIMED_ROUNDS = 9;

/**
 * Runs a converted backbone on five drawn images, checks that their features differ, and returns
 * the features of the check picture.
 * @throws HeadlandError HL_MODEL_CHECK_FAILED; HL_BACKBONE_OUTPUT_INVALID for features that are not
 *   finite or not of the size on the card
 */
export async function checkFeatures(
  card: ModelCard,
  model: Uint8Array,
  checksum: string,
): Promise<FeatureCheck & { golden: NonNullable<ModelCard['golden']> }> {
  const engine = await openEngine({ card, model, checksum, threads: 1, log: silentLog() });
  try {
    const pictures = drawPictures(card.inputSize);
    const features: Float32Array[] = [];
    for (const picture of pictures) features.push(await engine.embed(picture));
    const leastDifference = nearest(features);
    if (!(leastDifference >= LEAST_DIFFERENCE)) {
      throw checkFailed(card, 'it gives nearly the same features for different images');
    }
    const times: number[] = [];
    for (let round = 0; round < TIMED_ROUNDS; round++) {
      const begin = performance.now();
      await engine.embed(pictures[0] as RgbImage);
      times.push(performance.now() - begin);
    }
    const first = features[0] as Float32Array;
    const golden = [...first.subarray(0, GOLDEN_FEATURES)];
    const largest = Math.max(...golden.map(Math.abs));
    const tolerance = Math.min(0.1, Math.max(0.001, GOLDEN_TOLERANCE * largest));
    const constant = first.filter((value, i) => features.every((other) => other[i] === value));
    return {
      pictures: pictures.length,
      leastDifference,
      constantShare: constant.length / first.length,
      forwardMs: times.sort((a, b) => a - b)[TIMED_ROUNDS >> 1] as number,
      golden: { features: golden, tolerance },
    };
  } finally {
    await engine.close();
  }
}

/** The check picture, and versions of it: upside down, channels permuted, negative, grey. */
function drawPictures(size: number): RgbImage[] {
  const check = drawCheckPicture(size);
  const { width, height, data } = check;
  const change = (value: (i: number) => number): RgbImage => ({
    width,
    height,
    data: Uint8Array.from(data, (_, i) => value(i)),
  });
  return [
    check,
    change((i) => data[data.length - 3 - (i - (i % 3)) + (i % 3)] as number),
    change((i) => data[i - (i % 3) + ((i + 1) % 3)] as number),
    change((i) => 255 - (data[i] as number)),
    drawConstantPicture(size, 128),
  ];
}

function nearest(features: readonly Float32Array[]): number {
  const length = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  let least = Number.POSITIVE_INFINITY;
  features.forEach((a, i) => {
    for (const b of features.slice(i + 1)) {
      const apart = length(a.map((value, j) => value - (b[j] as number)));
      least = Math.min(least, apart / Math.max(length(a), length(b)));
    }
  });
  return least;
}
