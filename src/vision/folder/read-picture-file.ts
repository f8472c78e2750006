import { open } from 'node:fs/promises';
import type { Position } from '../../base/geo/position.js';
import { removeGeotag } from '../geotag/geotag.js';
import { checkFormat, checkSize } from '../picture.js';

/** Bytes of a file that suffice to detect its kind. */
const HEAD_BYTES = 65_536;

/**
 * Reads an image file whole. The kind of a file that is too large is checked first: a film of
 * gigabytes is a film, not a large image.
 * @returns the bytes, as they were before an export wrote a position into them, that position, and
 *   the Unix time of the file, milliseconds
 * @throws HeadlandError HL_PICTURE_TOO_LARGE; HL_PICTURE_INVALID for a file that is too large and
 *   not an image; the error of the file system
 */
export async function readPictureFile(
  path: Buffer,
  limits: { maxBytes: number },
): Promise<{ bytes: Uint8Array; timeMs: number; position: Position | null }> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    if (size > limits.maxBytes) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      checkFormat(buffer.subarray(0, bytesRead));
      checkSize(size, limits);
    }
    return { ...removeGeotag(await file.readFile()), timeMs: Math.round(mtimeMs) };
  } finally {
    await file.close();
  }
}
