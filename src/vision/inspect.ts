import { type ExifFacts, readExif } from './exif.js';
import { type PictureLimits, pixelsOf, readHeader, withPicture } from './picture.js';
import type { PictureFormat } from './sniff.js';

export interface PictureInspection extends ExifFacts {
  format: PictureFormat;
  /** Pixels, after the EXIF orientation is applied. */
  width: number;
  /** Pixels, after the EXIF orientation is applied. */
  height: number;
}

const NO_EXIF: ExifFacts = { captureTimeMs: null, gpsTimeMs: null, position: null };

/**
 * Reads the properties of an image and proves that all of it can be decoded: every row is read and
 * scaled down to a few pixels, so that memory stays small whatever its size.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function inspectPicture(
  bytes: Uint8Array,
  limits: PictureLimits,
): Promise<PictureInspection> {
  const { format, metadata } = await readHeader(bytes, limits);
  await withPicture(bytes, limits, (picture) =>
    pixelsOf(picture.resize(16, 16, { fit: 'fill', kernel: 'linear' })),
  );
  const { width, height } = metadata.autoOrient;
  const { captureTimeMs, gpsTimeMs, position } =
    metadata.exif === undefined ? NO_EXIF : readExif(metadata.exif);
  return { format, width, height, captureTimeMs, gpsTimeMs, position };
}
