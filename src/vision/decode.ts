import { HeadlandError } from '../base/errors.js';
import type { Fit, RgbImage } from './image.js';
import { type PictureLimits, pixelsOf, withPicture } from './picture.js';

export interface DecodeOptions extends PictureLimits {
  /** Side of the square result, pixels: the backbone's input size. */
  sizePixels: number;
  fit: Fit;
}

/**
 * Decodes a JPEG, PNG or WebP image to a square RGB image: upright by its EXIF orientation, without
 * alpha (fully transparent pixels become black), in sRGB, scaled with one anti-aliased cubic
 * kernel. Training and serving both use it, so that a head never sees pixels that were made another
 * way.
 *
 * @returns `sizePixels x sizePixels x 3` bytes
 * @throws HeadlandError HL_PICTURE_INVALID (damaged, empty or not an image), HL_PICTURE_TOO_LARGE
 *   (bytes), HL_PICTURE_TOO_MANY_PIXELS (by its header, before anything is decoded)
 */
export async function decodePicture(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  const { sizePixels, fit } = options;
  const { data, channels } = await withPicture(bytes, options, (picture) =>
    pixelsOf(
      picture.resize(sizePixels, sizePixels, {
        fit: fit === 'squash' ? 'fill' : 'cover',
        position: 'centre',
        kernel: 'cubic',
      }),
    ),
  );
  if (channels !== 3 || data.length !== sizePixels * sizePixels * 3) {
    throw new HeadlandError('HL_PICTURE_INVALID', `the picture has ${channels} channels, not 3`, {
      remedy: 'Replace the file, or look at the camera: the picture is damaged or is none.',
      details: { bytes: bytes.length, channels },
    });
  }
  return { width: sizePixels, height: sizePixels, data };
}
