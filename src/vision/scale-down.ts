import sharp from 'sharp';
import { mediaTypeOf } from './sniff.js';

/**
 * Scales an encoded image down to a width, upright by its EXIF orientation, as JPEG.
 * @param widthPx of the result; an image that is not wider stays as it is
 * @throws Error of sharp when the image cannot be decoded
 */
export async function scaleDown(
  bytes: Uint8Array,
  widthPx: number,
): Promise<{ mediaType: string; bytes: Uint8Array }> {
  const image = sharp(bytes, { failOn: 'none' });
  const { width } = await image.metadata();
  if (width <= widthPx) return { mediaType: mediaTypeOf(bytes), bytes };
  const scaled = await image
    .autoOrient()
    .resize({ width: widthPx })
    .jpeg({ quality: 75 })
    .toBuffer();
  return { mediaType: 'image/jpeg', bytes: scaled };
}
