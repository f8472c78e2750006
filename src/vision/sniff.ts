import { extname } from 'node:path';
import { nameOfTiff } from './tiff/tiff-kind.js';

/** The encodings that headland reads. All others are refused before a decoder sees them. */
export type PictureFormat = 'jpeg' | 'png' | 'webp';

/** A kind of file that headland does not read, and what its owner can do. */
export interface Refused {
  /** Name that can follow "is": "a HEIC picture", "empty", "not a picture". */
  name: string;
  remedy: string;
}

const READ_ENDINGS: ReadonlySet<string> = new Set('.jpg .jpeg .jpe .jfif .png .webp'.split(' '));
const OTHER_ENDINGS: ReadonlySet<string> = new Set(
  [
    '.gif .bmp .dib .tif .tiff .heic .heif .hif .avif .jxl .jp2 .j2k .j2c .jpc .jpf .jpx .jxr .wdp .hdp',
    '.ppm .pgm .pbm .pnm .pam .pfm .svg .svgz .pdf .psd .psb .ico .icns .tga .dds .exr .hdr .qoi .pcx',
    '.dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .rwl .pef .srw .x3f .mrw .dcr .kdc .erf .3fr .iiq',
    '.mp4 .m4v .mov .avi .mkv .webm .3gp .3g2 .mpg .mpeg .mts .m2ts .wmv .flv .ogv .insv',
  ]
    .join(' ')
    .split(' '),
);

/** Whether a file name has an extension of the images that headland reads. */
export function hasReadableEnding(fileName: string): boolean {
  return READ_ENDINGS.has(extname(fileName).toLowerCase());
}

/** Whether a file name has an extension of an image or video, readable or refused. */
export function hasPictureEnding(fileName: string): boolean {
  return hasReadableEnding(fileName) || OTHER_ENDINGS.has(extname(fileName).toLowerCase());
}

/** The encoding by the first bytes; null for all that headland does not read. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | null {
  const head = latin1(bytes, 12);
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  return null;
}

/** The media type of an image as it was captured. */
export function mediaTypeOf(bytes: Uint8Array): string {
  const format = sniffFormat(bytes);
  return format === null ? 'application/octet-stream' : `image/${format}`;
}

const CONVERT = 'Convert it to JPEG or PNG, for example with: ffmpeg -i IN OUT.png';
const CONVERT_BY_PROGRAM = 'Save it as JPEG or PNG in a program for pictures.';
const DEVELOP =
  'Let the camera save JPEG too, or export JPEG from a raw developer such as darktable.';
const TAKE_OUT = 'Take pictures out of it, for example with: ffmpeg -i IN -vf fps=1 OUT-%04d.jpg';
const FROM_PHONE =
  'Convert it to JPEG, for example with heif-convert IN OUT.jpg (Debian: libheif-examples), or set the phone to save JPEG ("Most Compatible").';
const CONVERT_AVIF =
  'Convert it to JPEG, for example with heif-convert IN OUT.jpg (Debian: libheif-examples).';
const UNPACK = 'Unpack it first.';
const REMOVE = 'Remove it, or put the picture there that was meant.';
const DOWNLOAD = 'Download the picture again: this is what a server sent instead of it.';

/**
 * First bytes of other formats that cameras, phones, programs and web servers write; "?" is any
 * byte.
 */
const REFUSED_STARTS: readonly (readonly [start: string, name: string, remedy: string])[] = [
  ['GIF8', 'a GIF picture', CONVERT],
  ['IIU\0', 'a Panasonic raw picture (RW2)', DEVELOP],
  ['IIRO', 'an Olympus raw picture (ORF)', DEVELOP],
  ['IIRS', 'an Olympus raw picture (ORF)', DEVELOP],
  ['MMOR', 'an Olympus raw picture (ORF)', DEVELOP],
  ['II\x1a\0\0\0HEAPCCDR', 'a Canon raw picture (CRW)', DEVELOP],
  ['FUJIFILMCCD-RAW', 'a Fujifilm raw picture (RAF)', DEVELOP],
  ['FOVb', 'a Sigma raw picture (X3F)', DEVELOP],
  ['\0MRM', 'a Minolta raw picture (MRW)', DEVELOP],
  ['II\xbc\x01', 'a JPEG XR picture', CONVERT_BY_PROGRAM],
  ['BM????\0\0\0\0', 'a BMP picture', CONVERT],
  ['%PDF-', 'a PDF document', CONVERT_BY_PROGRAM],
  ['????ftypavi', 'an AVIF picture', CONVERT_AVIF],
  ['????ftyphe', 'a HEIC picture', FROM_PHONE],
  ['????ftypmif1', 'a HEIC picture', FROM_PHONE],
  ['????ftypmsf1', 'a HEIC picture', FROM_PHONE],
  ['????ftypcrx ', 'a Canon raw picture (CR3)', DEVELOP],
  ['????ftyp', 'an MP4 or QuickTime video', TAKE_OUT],
  ['????moov', 'a QuickTime video', TAKE_OUT],
  ['????mdat', 'a QuickTime video', TAKE_OUT],
  ['\xff\x0a', 'a JPEG XL picture', CONVERT],
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture', CONVERT],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture', CONVERT],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture', CONVERT],
  ['RIFF????AVI ', 'an AVI video', TAKE_OUT],
  ['\x1a\x45\xdf\xa3', 'a Matroska or WebM video', TAKE_OUT],
  ['\0\0\x01\xba', 'an MPEG video', TAKE_OUT],
  ['\0\0\x01\xb3', 'an MPEG video', TAKE_OUT],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'a Windows Media video', TAKE_OUT],
  ['FLV\x01', 'a Flash video', TAKE_OUT],
  ['OggS', 'an Ogg video or sound', TAKE_OUT],
  ['\0\0\x01\0', 'an ICO picture', CONVERT],
  ['icns', 'a macOS icon', CONVERT_BY_PROGRAM],
  ['8BPS', 'a Photoshop document', CONVERT_BY_PROGRAM],
  ['\x76\x2f\x31\x01', 'an OpenEXR picture', CONVERT],
  ['#?RADIANCE', 'a Radiance HDR picture', CONVERT_BY_PROGRAM],
  ['qoif', 'a QOI picture', CONVERT],
  ['DDS ', 'a DDS texture', CONVERT_BY_PROGRAM],
  ['SIMPLE  =', 'a FITS picture', CONVERT_BY_PROGRAM],
  ['\x93NUMPY', 'a NumPy array', CONVERT_BY_PROGRAM],
  ['\x89HDF\r\n', 'an HDF5 file', CONVERT_BY_PROGRAM],
  ['\0\x05\x16\x07', 'what macOS keeps beside a picture, not the picture', REMOVE],
  ['\x1f\x8b', 'a gzip file', UNPACK],
  ['BZh', 'a bzip2 file', UNPACK],
  ['\xfd7zXZ\0', 'an xz file', UNPACK],
  ['7z\xbc\xaf\x27\x1c', 'a 7z file', UNPACK],
  ['Rar!', 'a RAR file', UNPACK],
  ['PK\x03\x04', 'a ZIP file', UNPACK],
  [
    'version https://git-lfs',
    'a Git LFS pointer, not the picture itself',
    'Fetch the pictures: git lfs pull',
  ],
];
/** Libraries search this far for the beginning of an SVG, behind comments and declarations. */
const TEXT_BYTES = 1_024;
/** A transport stream has its sync byte at the beginning of each packet. */
const TRANSPORT_PACKET_BYTES = 188;

/**
 * Describes bytes that headland does not read, that is, for which {@link sniffFormat} returns null.
 */
export function describeRefused(bytes: Uint8Array): Refused {
  if (bytes.length === 0) return { name: 'empty', remedy: REMOVE };
  const head = latin1(bytes, TEXT_BYTES);
  const tiff = nameOfTiff(bytes);
  if (tiff !== null) return { name: tiff.name, remedy: tiff.raw ? DEVELOP : CONVERT };
  const known = REFUSED_STARTS.find(([start]) =>
    [...start].every((letter, i) => (letter === '?' ? i < head.length : letter === head[i])),
  );
  if (known !== undefined) return { name: known[1], remedy: known[2] };
  if (/^P[1-7]\s/.test(head)) return { name: 'a Netpbm picture', remedy: CONVERT };
  if (head[0] === 'G' && head[TRANSPORT_PACKET_BYTES] === 'G' && head[4] === '\0') {
    return { name: 'an MPEG transport stream (video)', remedy: TAKE_OUT };
  }
  if (/^\0+$/.test(head)) {
    return { name: 'nothing but zeros, as after a power cut', remedy: REMOVE };
  }
  return describeText(head);
}

function describeText(head: string): Refused {
  // UTF-16 has a zero between letters, after a byte order mark.
  const text = head.replaceAll('\0', '').toLowerCase();
  if (/^[^a-z0-9<]{0,8}</.test(text)) {
    if (text.includes('<svg')) return { name: 'an SVG picture', remedy: CONVERT_BY_PROGRAM };
    if (/<!doctype html|<html|<head|<body/.test(text)) {
      return { name: 'a web page', remedy: DOWNLOAD };
    }
    return { name: 'an XML document', remedy: REMOVE };
  }
  if (/^\s*[[{]\s*["\]}]/.test(text)) return { name: 'a JSON document', remedy: DOWNLOAD };
  return { name: 'not a picture', remedy: REMOVE };
}

function latin1(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, bytes.length)).toString(
    'latin1',
  );
}
