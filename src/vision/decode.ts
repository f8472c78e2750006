import type { Fit, RgbImage } from './image.js';
import {
  checkBytes,
  firstLine,
  invalid,
  type PictureLimits,
  readHeader,
  uprightRgb,
} from './picture.js';

export interface DecodeOptions extends PictureLimits {
  /** Side of the square result, pixels: the backbone's input size. */
  sizePixels: number;
  fit: Fit;
}

/**
 * Decodes a JPEG, PNG or WebP picture to a square RGB image: upright by its EXIF orientation,
 * alpha dropped (what is fully transparent becomes black), colours in sRGB, scaled with one
 * anti-aliased cubic kernel. Training and serving both call this, so that a head never meets
 * pixels that were made another way.
 *
 * @returns `sizePixels x sizePixels x 3` bytes
 * @throws HeadlandError HL_PICTURE_INVALID (damaged, empty or not a picture), HL_PICTURE_TOO_LARGE
 *   (bytes), HL_PICTURE_TOO_MANY_PIXELS (by its header, before anything is decoded)
 */
export async function decodePicture(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  const { sizePixels, fit } = options;
  // The decoder holds the limit of pixels itself, before it decodes: reading the header first would
  // cost every good picture half a millisecond, so that is left to those that fail.
  const format = checkBytes(bytes, options);
  const { data, info } = await uprightRgb(bytes, options)
    .resize(sizePixels, sizePixels, {
      fit: fit === 'squash' ? 'fill' : 'cover',
      position: 'centre',
      kernel: 'cubic',
    })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(async (error: unknown) => {
      await readHeader(bytes, options);
      throw invalid(`the ${format} picture is damaged: ${firstLine(error)}`, bytes, error);
    });
  if (info.channels !== 3 || data.length !== sizePixels * sizePixels * 3) {
    throw invalid(`the ${format} picture decodes to ${info.channels} channels, not 3`, bytes);
  }
  return {
    width: sizePixels,
    height: sizePixels,
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
  };
}
