import sharp from 'sharp';
import { HeadlandError } from '../base/errors.js';
import { type PictureLimits, type Pixels, pixelsOf, readHeader, withPicture } from './picture.js';
import type { PixelRectangle, UprightSize } from './picture-box.js';

/** Above it, a second compression of a camera's JPEG is no longer visible. */
const QUALITY = 95;

/**
 * Size of an image, upright by its EXIF orientation, from its header alone.
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function uprightSize(bytes: Uint8Array, limits: PictureLimits): Promise<UprightSize> {
  const { metadata } = await readHeader(bytes, limits);
  const { width, height } = metadata.autoOrient;
  return { width, height, orientation: metadata.orientation ?? 1 };
}

/**
 * Cuts rectangles out of an image, each as a JPEG with full colour resolution and without
 * metadata. The image is decoded once, upright by its EXIF orientation. The same image and rectangle
 * give the same bytes with the same codec.
 * @param rectangles inside the upright image
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function cutOut(
  bytes: Uint8Array,
  rectangles: readonly PixelRectangle[],
  limits: PictureLimits,
): Promise<Uint8Array[]> {
  const pixels = await withPicture(bytes, limits, pixelsOf);
  const crops: Uint8Array[] = [];
  for (const rectangle of rectangles) crops.push(await encodeCrop(pixels, rectangle));
  return crops;
}

async function encodeCrop(pixels: Pixels, rectangle: PixelRectangle): Promise<Uint8Array> {
  const { data, width, height, channels } = pixels;
  if (channels !== 3) {
    throw new HeadlandError('HL_PICTURE_INVALID', `the picture has ${channels} channels, not 3`, {
      remedy: 'Replace the file, or look at the camera: the picture is damaged or is none.',
      details: { channels },
    });
  }
  return sharp(data, { raw: { width, height, channels } })
    .extract(rectangle)
    .jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

/** Whether a rectangle is the whole image. */
export function isWhole(
  { left, top, width, height }: PixelRectangle,
  picture: { width: number; height: number },
): boolean {
  return left === 0 && top === 0 && width === picture.width && height === picture.height;
}
