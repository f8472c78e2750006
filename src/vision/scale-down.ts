import sharp from 'sharp';
import { type PictureLimits, withPicture } from './picture.js';
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

/**
 * A small WebP of an image, upright by its EXIF orientation; a smaller image is not enlarged.
 * @param sidePx of its long side
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export function thumbnail(
  bytes: Uint8Array,
  sidePx: number,
  limits: PictureLimits,
): Promise<Uint8Array> {
  return withPicture(bytes, limits, (picture) =>
    picture
      .resize(sidePx, sidePx, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 75, effort: 2 })
      .toBuffer(),
  );
}

const SMALL_JPEG_QUALITY = 75;

/**
 * A JPEG of an image for a slow link, upright and without EXIF; a smaller image is not enlarged.
 * @param most.sidePx of its long side; halved until the JPEG has at most `most.bytes`
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function smallJpeg(
  bytes: Uint8Array,
  most: { sidePx: number; bytes: number },
  limits: PictureLimits,
): Promise<Uint8Array> {
  for (let sidePx = most.sidePx; ; sidePx = Math.ceil(sidePx / 2)) {
    const jpeg = await withPicture(bytes, limits, (picture) =>
      picture
        .resize(sidePx, sidePx, { fit: 'inside', withoutEnlargement: true })
        .jpeg({ quality: SMALL_JPEG_QUALITY })
        .toBuffer(),
    );
    if (jpeg.length <= most.bytes || sidePx === 1) return jpeg;
  }
}
