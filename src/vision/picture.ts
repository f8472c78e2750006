import sharp, { type Metadata, type Sharp } from 'sharp';
import { HeadlandError, messageOf } from '../errors.js';
import type { RgbImage } from './image.js';

// One picture is decoded at a time in one thread: libvips' own pool would take the core from the
// backbone, and its cache would keep pixels of pictures that never come back.
sharp.concurrency(1);
sharp.cache(false);

/** The encodings that headland reads. Anything else is refused before a decoder sees it. */
export type PictureFormat = 'jpeg' | 'png' | 'webp';

/** Bounds that hold before a single pixel is decoded. */
export interface PictureLimits {
  /** Encoded size, bytes. */
  maxBytes: number;
  /** Width times height as the header declares them. */
  maxPixels: number;
}

export interface PictureHeader {
  format: PictureFormat;
  metadata: Metadata;
}

/** Longest that one picture may take to decode, seconds; a 25-megapixel JPEG takes about one. */
const DECODE_TIMEOUT_SECONDS = 20;

/**
 * The encoding that the first bytes announce, or null. Only these three decoders are ever reached:
 * libvips would otherwise also try SVG, TIFF, GIF and others on bytes from outside.
 */
export function sniffFormat(bytes: Uint8Array): PictureFormat | null {
  const startsWith = (offset: number, ...expected: number[]): boolean =>
    expected.every((byte, i) => bytes[offset + i] === byte);
  if (startsWith(0, 0xff, 0xd8, 0xff)) return 'jpeg';
  if (startsWith(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'png';
  if (startsWith(0, 0x52, 0x49, 0x46, 0x46) && startsWith(8, 0x57, 0x45, 0x42, 0x50)) return 'webp';
  return null;
}

/**
 * Checks what can be told without a decoder: size and kind.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE
 */
export function checkBytes(bytes: Uint8Array, limits: PictureLimits): PictureFormat {
  if (bytes.length > limits.maxBytes) {
    throw new HeadlandError(
      'HL_PICTURE_TOO_LARGE',
      `the picture has ${bytes.length} bytes, the limit is ${limits.maxBytes}`,
      {
        remedy: 'Lower the resolution or quality at the source, or raise maxPictureBytes.',
        details: { bytes: bytes.length, maxBytes: limits.maxBytes },
      },
    );
  }
  const format = sniffFormat(bytes);
  if (format === null) {
    const what =
      bytes.length === 0 ? 'the picture is empty' : 'the bytes are not a JPEG, PNG or WebP picture';
    throw invalid(what, bytes);
  }
  return format;
}

/**
 * Reads the header alone and checks it against the limits.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function readHeader(bytes: Uint8Array, limits: PictureLimits): Promise<PictureHeader> {
  const format = checkBytes(bytes, limits);
  // limitInputPixels is ours to judge here: sharp's message does not say how many there were.
  const metadata = await sharp(bytes, { failOn: 'error', limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => {
      throw invalid(`the ${format} header cannot be read: ${firstLine(error)}`, bytes, error);
    });
  const pixels = metadata.width * metadata.height;
  if (pixels > limits.maxPixels) {
    throw new HeadlandError(
      'HL_PICTURE_TOO_MANY_PIXELS',
      `the picture has ${metadata.width} x ${metadata.height} = ${pixels} pixels, the limit is ${limits.maxPixels}`,
      {
        remedy: 'Lower the resolution at the source, or raise maxPicturePixels.',
        details: { width: metadata.width, height: metadata.height, maxPixels: limits.maxPixels },
      },
    );
  }
  return { format, metadata };
}

/**
 * The start of every decode: upright by EXIF, without alpha, 8-bit sRGB; stops at the first
 * damaged byte instead of filling the rest with grey.
 */
export function uprightRgb(bytes: Uint8Array, limits: PictureLimits): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: limits.maxPixels, pages: 1 })
    .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb');
}

/**
 * What is left of a picture after it was sent as a baseline JPEG with halved colour resolution, as
 * most cameras send it. Same size; the bytes depend on the codec of the architecture.
 *
 * @param quality 1..100, as libjpeg counts
 */
export async function recompressJpeg(image: RgbImage, quality: number): Promise<RgbImage> {
  const { width, height } = image;
  const jpeg = await sharp(image.data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
  const data = await sharp(jpeg).raw().toBuffer();
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

/** The error for bytes that are no whole picture. */
export function invalid(message: string, bytes: Uint8Array, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_PICTURE_INVALID', message, {
    remedy: 'Check the source: the file or frame is damaged or is not a picture.',
    details: { bytes: bytes.length },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** libvips answers in several lines; the first says what is wrong. */
export function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0] ?? '';
}
