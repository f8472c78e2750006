import { exifCaptureTimeMs } from './exif-time.js';
import { type PictureLimits, pixelsOf, readHeader, withPicture } from './picture.js';
import type { PictureFormat } from './sniff.js';

export interface PictureInspection {
  format: PictureFormat;
  /** Pixels, after the EXIF orientation is applied. */
  width: number;
  /** Pixels, after the EXIF orientation is applied. */
  height: number;
  /** Unix time of capture from EXIF, milliseconds; null when the picture does not say. */
  captureTimeMs: number | null;
}

/**
 * Says what a picture is and proves that all of it can be decoded: every row is read and scaled
 * down to a few pixels, so that memory stays small whatever its size.
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
  const captureTimeMs = metadata.exif === undefined ? null : exifCaptureTimeMs(metadata.exif);
  return { format, width, height, captureTimeMs };
}
