import sharp, { type Sharp } from 'sharp';
import { HeadlandError, messageOf } from '../errors.js';

/** Longest that one picture may take, seconds. */
const TIMEOUT_SECONDS = 20;

/** Pixels of a picture, interleaved, 8 bits a channel. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  channels: number;
}

/** A picture upright by its EXIF orientation; a damaged byte makes whatever follows reject. */
export function upright(picture: Uint8Array, maxPixels: number): Sharp {
  return sharp(picture, { failOn: 'error', limitInputPixels: maxPixels, pages: 1 })
    .timeout({ seconds: TIMEOUT_SECONDS })
    .autoOrient();
}

/** Runs a pipeline to its pixels: 3 channels (sRGB) or, after `greyscale()`, 1. */
export async function pixelsOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** The error for a picture that cannot be decoded, from whatever the decoder threw. */
export function undecodable(picture: Uint8Array, error: unknown): HeadlandError {
  const [reason] = messageOf(error).split('\n', 1);
  return new HeadlandError('HL_PICTURE_INVALID', `the picture cannot be decoded: ${reason}`, {
    remedy: 'Check the source: the file or frame is damaged or is not a picture.',
    details: { bytes: picture.length },
    cause: error,
  });
}
