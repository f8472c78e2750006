import { extname } from 'node:path';

/** The encodings that headland reads. Anything else is refused before a decoder sees it. */
export type PictureFormat = 'jpeg' | 'png' | 'webp';

const READ_ENDINGS: ReadonlySet<string> = new Set('.jpg .jpeg .jpe .jfif .png .webp'.split(' '));
const OTHER_ENDINGS: ReadonlySet<string> = new Set(
  '.gif .bmp .tif .tiff .heic .heif .avif .jxl .jp2 .ppm .pgm .svg .pdf .dng .cr2 .nef .arw'.split(
    ' ',
  ),
);

/** Whether the name of a file ends as pictures do that headland reads. */
export function hasReadableEnding(fileName: string): boolean {
  return READ_ENDINGS.has(extname(fileName).toLowerCase());
}

/** Whether the name of a file announces a picture, one that headland reads or one that it refuses. */
export function hasPictureEnding(fileName: string): boolean {
  return hasReadableEnding(fileName) || OTHER_ENDINGS.has(extname(fileName).toLowerCase());
}

/** The encoding that the first bytes announce; null for all that headland does not read. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | null {
  const head = latin1(bytes, 12);
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  return null;
}

/** The media type of a picture as it was captured. */
export function mediaTypeOf(bytes: Uint8Array): string {
  const format = sniffFormat(bytes);
  return format === null ? 'application/octet-stream' : `image/${format}`;
}

/** How other formats begin that cameras, phones and web servers send; "?" is any byte. */
const REFUSED_STARTS: readonly (readonly [start: string, name: string])[] = [
  ['GIF8', 'a GIF picture'],
  ['II*\0', 'a TIFF or camera raw picture'],
  ['MM\0*', 'a TIFF or camera raw picture'],
  ['II+\0', 'a TIFF or camera raw picture'],
  ['MM\0+', 'a TIFF or camera raw picture'],
  ['BM????\0\0\0\0', 'a BMP picture'],
  ['%PDF-', 'a PDF document'],
  ['????ftypavi', 'an AVIF picture'],
  ['????ftyphe', 'a HEIC picture'],
  ['????ftypmif1', 'a HEIC picture'],
  ['????ftypmsf1', 'a HEIC picture'],
  ['????ftyp', 'an MP4 or QuickTime video'],
  ['\xff\x0a', 'a JPEG XL picture'],
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture'],
  ['RIFF????AVI ', 'an AVI video'],
  ['\x1a\x45\xdf\xa3', 'a Matroska or WebM video'],
  ['\0\0\x01\0', 'an ICO picture'],
  ['8BPS', 'a Photoshop document'],
  ['\x1f\x8b', 'a gzip file'],
  ['PK\x03\x04', 'a ZIP file'],
  ['version https://git-lfs', 'a Git LFS pointer, not the picture itself'],
];
/** Libraries look about so far for the beginning of an SVG, behind comments and declarations. */
const TEXT_BYTES = 1_024;

/**
 * What bytes are that headland does not read, in words that follow "is": "an SVG picture", "a PDF
 * document", "not a picture".
 */
export function nameOfRefused(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const head = latin1(bytes, TEXT_BYTES);
  const known = REFUSED_STARTS.find(([start]) =>
    [...start].every((letter, i) => (letter === '?' ? i < head.length : letter === head[i])),
  );
  if (known !== undefined) return known[1];
  if (/^P[1-7]\s/.test(head)) return 'a Netpbm picture';
  // UTF-16 has a zero between the letters; a byte order mark stands before them.
  const text = head.replaceAll('\0', '').toLowerCase();
  if (/^[^a-z0-9<]{0,8}</.test(text)) {
    if (text.includes('<svg')) return 'an SVG picture';
    if (/<!doctype html|<html|<head|<body/.test(text)) return 'a web page';
    return 'an XML document';
  }
  return 'not a picture';
}

function latin1(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, bytes.length)).toString(
    'latin1',
  );
}
