import { type PictureLimits, withPicture } from './picture.js';

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
