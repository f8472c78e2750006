/**
 * Finds the EXIF block of a JPEG file. Format: ITU-T T.81, annex B; CIPA DC-008 (Exif 2.32), section
 * 4.7.2.
 */

export interface ExifSegment {
  /** Offset of the marker in the file. */
  at: number;
  /** Offset after the segment. */
  end: number;
  /** The TIFF block. */
  tiff: Uint8Array;
}

export interface JpegHead {
  /** Null: the file has no EXIF. */
  exif: ExifSegment | null;
  /** Where an EXIF segment may be inserted: after SOI and APP0. */
  insertAt: number;
}

const SOI = 0xd8;
const APP0 = 0xe0;
const APP1 = 0xe1;
const SOS = 0xda;
const EXIF_PREFIX = Buffer.from('Exif\0\0', 'latin1');
/** Marker and length. */
const HEAD_BYTES = 4;
/** Largest TIFF block of a segment. */
export const MAX_TIFF_BYTES = 65_535 - 2 - EXIF_PREFIX.length;

/** Null: not a JPEG file, or its segments are damaged. */
export function readJpegHead(bytes: Uint8Array): JpegHead | null {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return null;
  let insertAt = 2;
  for (let at = 2; at + HEAD_BYTES <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker < 0xc0 || marker === 0xff) return null;
    if (marker === SOS) return { exif: null, insertAt };
    const end = at + 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    if (end < at + HEAD_BYTES || end > bytes.length) return null;
    if (marker === APP0 && at === insertAt) insertAt = end;
    const content = bytes.subarray(at + HEAD_BYTES, end);
    if (marker === APP1 && startsWith(content, EXIF_PREFIX)) {
      return { exif: { at, end, tiff: content.subarray(EXIF_PREFIX.length) }, insertAt };
    }
    at = end;
  }
  return null;
}

/** The file with `tiff` as its EXIF block; null removes the block. */
export function withExif(bytes: Uint8Array, head: JpegHead, tiff: Uint8Array | null): Uint8Array {
  const { at, end } = head.exif ?? { at: head.insertAt, end: head.insertAt };
  return Buffer.concat([
    bytes.subarray(0, at),
    tiff === null ? Buffer.alloc(0) : segmentOf(tiff),
    bytes.subarray(end),
  ]);
}

function segmentOf(tiff: Uint8Array): Buffer {
  const head = Buffer.from([0xff, APP1, 0, 0]);
  head.writeUInt16BE(2 + EXIF_PREFIX.length + tiff.length, 2);
  return Buffer.concat([head, EXIF_PREFIX, tiff]);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0;
}
