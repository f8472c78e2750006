import sharp, { type Sharp } from 'sharp';
import { createRandom } from '../../src/base/random.js';

/** What light, lens and sensor do to a test photo. */
export const ALTERATIONS = ['darkened', 'over-exposed', 'blurred', 'tinted', 'noisy'] as const;
export type Alteration = (typeof ALTERATIONS)[number];
/** `original`: as it was taken. */
export type Kind = 'original' | Alteration;

/** Copies of a photo that a camera takes within a second. */
export const COPIES = 3;

const NOISE_LEVELS = 25;
const BLUR_SHARE = 0.008;

/** The altered photo as PNG, without further loss; always the same for the same bytes. */
export async function altered(picture: Uint8Array, how: Alteration): Promise<Uint8Array> {
  const image = sharp(picture).rotate().removeAlpha().toColourspace('srgb');
  if (how === 'darkened') return encode(image.linear(0.35, 0));
  if (how === 'over-exposed') return encode(image.linear(1.9, 20));
  if (how === 'tinted') return encode(image.linear([1.25, 0.95, 0.65], [0, 0, 0]));
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: 3 as const };
  if (how === 'blurred') {
    const sigma = Math.max(0.5, BLUR_SHARE * Math.min(info.width, info.height));
    return encode(sharp(data, { raw }).blur(sigma));
  }
  const random = createRandom(info.width * 10_007 + info.height);
  const noisy = Uint8Array.from(data, (value) => {
    // The sum of three even draws is near enough to a normal one.
    const draw = random.next() + random.next() + random.next() - 1.5;
    return Math.max(0, Math.min(255, Math.round(value + 2 * NOISE_LEVELS * draw)));
  });
  return encode(sharp(noisy, { raw }));
}

function encode(image: Sharp): Promise<Uint8Array> {
  return image.png({ compressionLevel: 1 }).toBuffer();
}

/** A near-duplicate: the same scene a moment later, a little moved and lit, coded again. */
export async function nearCopy(picture: Uint8Array, number: number): Promise<Uint8Array> {
  const upright = await sharp(picture).rotate().removeAlpha().toColourspace('srgb').toBuffer();
  const { width = 0, height = 0 } = await sharp(upright).metadata();
  const [dx, dy] = [Math.round(0.01 * number * width), Math.round(0.008 * number * height)];
  return sharp(upright)
    .extract({ left: dx, top: dy, width: width - dx, height: height - dy })
    .linear(1 + (number % 2 === 0 ? 0.03 : -0.03) * number, 0)
    .jpeg({ quality: 90 - 4 * number })
    .toBuffer();
}
