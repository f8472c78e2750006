import type { Random } from '../base/random.js';
import type { Config } from '../config/schema.js';
import {
  type AffineMatrix,
  type AffineParameters,
  composeAffine,
  type FillMode,
  pictureCentre,
  warpRgb,
} from './affine.js';
import type { RgbImage } from './image.js';
import type { PhotometricRanges } from './photometric.js';

/** Which views are made and how many: the configuration without the seed. */
export type AugmentationSettings = Omit<Config['augmentation'], 'seed'>;

/** Ranges that augmentations are drawn from. */
export type AugmentationRanges = Omit<
  AugmentationSettings,
  'views' | 'photometricViews' | keyof PhotometricRanges
>;

/** One drawn augmentation, which fully determines the result. */
export interface Augmentation extends AffineParameters {
  /**
   * 8-bit steps added to every channel, clamped to the darkest and brightest level of the image.
   */
  channelShift: number;
  horizontalFlip: boolean;
  verticalFlip: boolean;
  /** Factor on every channel, >= 0. */
  brightness: number;
  fill: FillMode;
  /** Grey level 0..255 of fill `constant`. */
  fillValue: number;
}

/**
 * Draws one augmentation in the order of Keras' `get_random_transform`. It always takes ten random
 * numbers, so that switching one range off leaves the other draws unchanged.
 *
 * @param width of the image, pixels; shifts are shares of it
 * @param height of the image, pixels
 */
export function drawAugmentation(
  random: Random,
  settings: AugmentationRanges,
  width: number,
  height: number,
): Augmentation {
  const around = (middle: number, range: number): number =>
    random.uniform(middle - range, middle + range);
  const rotationDegrees = around(0, settings.rotationDegrees);
  const rowShift = around(0, settings.heightShift) * height;
  const columnShift = around(0, settings.widthShift) * width;
  const shearDegrees = around(0, settings.shearDegrees);
  const rowZoom = around(1, settings.zoom);
  const columnZoom = around(1, settings.zoom);
  const horizontal = random.next() < 0.5;
  const vertical = random.next() < 0.5;
  const channelShift = around(0, settings.channelShift);
  const brightness = around(1, settings.brightness);
  return {
    rotationDegrees,
    rowShift,
    columnShift,
    shearDegrees,
    rowZoom,
    columnZoom,
    horizontalFlip: horizontal && settings.horizontalFlip,
    verticalFlip: vertical && settings.verticalFlip,
    channelShift,
    brightness,
    fill: settings.fill,
    fillValue: 0,
  };
}

/**
 * Applies an augmentation in the order of Keras' `apply_transform`: affine, channel shift,
 * horizontal flip, vertical flip, brightness. The axes are those of keras-preprocessing 1.1.2 (the
 * first shift and zoom belong to rows); rotation is about the true centre. The same augmentation
 * and image give the same bytes; the source image is not changed.
 */
export function applyAugmentation(image: RgbImage, augmentation: Augmentation): RgbImage {
  const { width, height } = image;
  const matrix = flipped(
    composeAffine(augmentation, pictureCentre(height, width)),
    augmentation,
    width,
    height,
  );
  const result = isIdentity(matrix)
    ? { width, height, data: image.data.slice() }
    : warpRgb(image, matrix, augmentation.fill, augmentation.fillValue);
  const levels = levelTable(result.data, augmentation);
  if (levels !== null) {
    const { data } = result;
    for (let i = 0; i < data.length; i++) data[i] = levels[data[i]!]!;
  }
  return result;
}

/**
 * Flips the result by reading the map backwards. Keras flips after the channel shift, which works
 * on each pixel alone, so the order makes no difference.
 */
function flipped(
  matrix: AffineMatrix,
  { horizontalFlip, verticalFlip }: Augmentation,
  width: number,
  height: number,
): AffineMatrix {
  let [a, b, atRow, c, d, atColumn] = matrix;
  if (horizontalFlip) {
    atRow += b * (width - 1);
    atColumn += d * (width - 1);
    b = -b;
    d = -d;
  }
  if (verticalFlip) {
    atRow += a * (height - 1);
    atColumn += c * (height - 1);
    a = -a;
    c = -c;
  }
  return [a, b, atRow, c, d, atColumn];
}

function isIdentity(matrix: AffineMatrix): boolean {
  const identity = [1, 0, 0, 0, 1, 0];
  return matrix.every((value, i) => value === identity[i]);
}

/** Channel shift and brightness of each of the 256 levels; null when neither changes anything. */
function levelTable(
  data: Uint8Array,
  { channelShift, brightness }: Augmentation,
): Uint8Array | null {
  if (channelShift === 0 && brightness === 1) return null;
  const [darkest, brightest] = channelShift === 0 ? [0, 255] : extremes(data);
  const factor = Math.fround(brightness);
  return Uint8Array.from({ length: 256 }, (_, level) => {
    const shifted = Math.min(brightest, Math.max(darkest, level + channelShift));
    // Truncates twice: to 8 bits like Keras' array_to_img, then like Pillow's blend with black.
    return Math.min(255, Math.trunc(Math.fround(factor * Math.trunc(shifted))));
  });
}

function extremes(data: Uint8Array): [number, number] {
  let darkest = 255;
  let brightest = 0;
  for (let i = 0; i < data.length; i++) {
    const level = data[i]!;
    if (level < darkest) darkest = level;
    if (level > brightest) brightest = level;
  }
  return [darkest, brightest];
}
