import { createRandom, type Random } from '../base/random.js';
import type { Config } from '../config/schema.js';
import { gaussianBlurRgb } from './gaussian-blur.js';
import type { RgbImage } from './image.js';
import { recompressJpeg } from './picture.js';

/** Configured ranges that photometric changes are drawn from. */
export type PhotometricRanges = Pick<
  Config['augmentation'],
  'gamma' | 'exposure' | 'colourTemperature' | 'blurPixels' | 'noiseLevels' | 'jpegQuality'
>;

/** One change of light, lens, sensor and transmission, which fully determines the result. */
export interface PhotometricChange {
  /** Exponent on levels as shares of 255, > 0; above 1 darker, below 1 lighter. */
  gamma: number;
  /** Factor on every level after gamma, >= 0. */
  gain: number;
  /** Red is multiplied by 1 + t, blue by 1 - t; -1..1, above 0 warmer. */
  colourTemperature: number;
  /** Standard deviation of a Gaussian blur, >= 0. */
  blurSigmaPixels: number;
  /** Standard deviation of the noise on every value, 8-bit levels, >= 0. */
  noiseSdLevels: number;
  /** A safe integer >= 0. */
  noiseSeed: number;
  /** 1..100; null leaves the image uncompressed. */
  jpegQuality: number | null;
}

/** The identity. @internal for tests and benches */
export const NO_PHOTOMETRIC_CHANGE: PhotometricChange = {
  gamma: 1,
  gain: 1,
  colourTemperature: 0,
  blurSigmaPixels: 0,
  noiseSdLevels: 0,
  noiseSeed: 0,
  jpegQuality: null,
};

/** Probability of blur in a photometric view; independently, of noise and of JPEG. */
const PROBABILITY = 0.4;

/**
 * Draws one photometric change. It always takes ten random numbers, so that switching one range off
 * leaves the other draws unchanged. Gamma and gain are uniform on a logarithmic scale: twice the
 * light is as frequent as half of it.
 */
export function drawPhotometricChange(
  random: Random,
  ranges: PhotometricRanges,
): PhotometricChange {
  const logGamma = Math.log(ranges.gamma);
  const gamma = Math.exp(random.uniform(-logGamma, logGamma));
  const gain = Math.exp(random.uniform(-ranges.exposure, ranges.exposure));
  const colourTemperature = random.uniform(-ranges.colourTemperature, ranges.colourTemperature);
  const blurred = random.next() < PROBABILITY;
  const blurSigmaPixels = random.uniform(0, ranges.blurPixels);
  const noisy = random.next() < PROBABILITY;
  const noiseSdLevels = random.uniform(0, ranges.noiseLevels);
  const noiseSeed = random.int(0x1_0000_0000);
  const compressed = random.next() < PROBABILITY;
  const jpegQuality = Math.floor(random.uniform(ranges.jpegQuality, 100));
  return {
    gamma,
    gain,
    colourTemperature,
    blurSigmaPixels: blurred ? blurSigmaPixels : 0,
    noiseSdLevels: noisy ? noiseSdLevels : 0,
    noiseSeed,
    jpegQuality: compressed && jpegQuality < 100 ? jpegQuality : null,
  };
}

/**
 * Changes an image in the order of a camera: light (gamma, gain, colour temperature), lens (blur),
 * sensor (noise), transmission (JPEG). The size stays, and the source image is not changed. The
 * same change and image give the same bytes on one architecture. On another one, the JPEG part may
 * differ by its codec's rounding, and a level of the light part by one where `Math.pow` differs in
 * its last bit; blur and noise are integer arithmetic.
 */
export async function applyPhotometricChange(
  image: RgbImage,
  change: PhotometricChange,
): Promise<RgbImage> {
  const { width, height } = image;
  const lit = { width, height, data: lightened(image.data, change) };
  const result = gaussianBlurRgb(lit, change.blurSigmaPixels);
  addNoise(result.data, change.noiseSdLevels, change.noiseSeed);
  return change.jpegQuality === null ? result : recompressJpeg(result, change.jpegQuality);
}

function lightened(data: Uint8Array, change: PhotometricChange): Uint8Array {
  const { gamma, gain, colourTemperature } = change;
  const [red, green, blue] = [1 + colourTemperature, 1, 1 - colourTemperature].map((share) =>
    levelTable(gamma, gain * share),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    result[i] = red[data[i]!]!;
    result[i + 1] = green[data[i + 1]!]!;
    result[i + 2] = blue[data[i + 2]!]!;
  }
  return result;
}

function levelTable(gamma: number, gain: number): Uint8Array {
  // A clamped array rounds to the nearest level within 0..255.
  return new Uint8Array(
    Uint8ClampedArray.from({ length: 256 }, (_, level) => 255 * gain * (level / 255) ** gamma),
  );
}

/** Standard deviation of the sum of four uniform bytes. */
const FOUR_BYTES_SD = Math.sqrt((4 * (256 ** 2 - 1)) / 12);
const FOUR_BYTES_MEAN = 510;
const FIXED_BITS = 16;

/**
 * Adds almost Gaussian noise: the sum of four uniform bytes (Irwin-Hall), never beyond 3.5 standard
 * deviations. One random number per value, integer arithmetic.
 */
function addNoise(data: Uint8Array, sdLevels: number, seed: number): void {
  if (sdLevels === 0) return;
  const random = createRandom(seed);
  const factor = Math.round((sdLevels / FOUR_BYTES_SD) * 2 ** FIXED_BITS);
  const half = 1 << (FIXED_BITS - 1);
  for (let i = 0; i < data.length; i++) {
    const bits = random.int(0x1_0000_0000);
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    const level = data[i]! + ((Math.imul(sum - FOUR_BYTES_MEAN, factor) + half) >> FIXED_BITS);
    data[i] = level < 0 ? 0 : level > 255 ? 255 : level;
  }
}
