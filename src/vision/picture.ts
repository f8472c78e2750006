import sharp, { type Metadata, type Sharp } from 'sharp';
import { HeadlandError, messageOf } from '../base/errors.js';
import type { RgbImage } from './image.js';
import { describeRefused, type PictureFormat, sniffFormat } from './sniff.js';

// Decodes one image at a time in one thread: libvips' own pool would take the core from the
// backbone, and its cache would keep pixels of images that are never read again.
sharp.concurrency(1);
sharp.cache(false);

/** Limits that are checked before a single pixel is decoded. */
export interface PictureLimits {
  /** Encoded size, bytes. */
  maxBytes: number;
  /** Width times height as the header declares them. */
  maxPixels: number;
}

interface PictureHeader {
  format: PictureFormat;
  metadata: Metadata;
}

/** Pixels of an image, row by row, interleaved, 8 bits a channel. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  /** 3 (sRGB), or 1 after `greyscale()`. */
  channels: number;
}

/** Longest time to decode one image, seconds; a 25-megapixel JPEG takes about one. */
const DECODE_TIMEOUT_SECONDS = 20;

/**
 * Checks size and format, which need no decoder.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE
 */
function checkBytes(bytes: Uint8Array, limits: PictureLimits): PictureFormat {
  checkSize(bytes.length, limits);
  return checkFormat(bytes);
}

/** @throws HeadlandError HL_PICTURE_TOO_LARGE */
export function checkSize(bytes: number, { maxBytes }: Pick<PictureLimits, 'maxBytes'>): void {
  if (bytes <= maxBytes) return;
  throw new HeadlandError(
    'HL_PICTURE_TOO_LARGE',
    `the picture has ${bytes} bytes, the limit is ${maxBytes}`,
    {
      remedy: 'Lower the resolution or quality at the source, or raise inference.maxPictureBytes.',
      details: { bytes, maxBytes },
    },
  );
}

/**
 * Format of an image by its first bytes, a kilobyte or more of them.
 * @throws HeadlandError HL_PICTURE_INVALID, which names any other format
 */
export function checkFormat(head: Uint8Array): PictureFormat {
  const format = sniffFormat(head);
  if (format !== null) return format;
  const { name, remedy } = describeRefused(head);
  const message = `the file or frame is ${name}; JPEG, PNG and WebP are read`;
  throw new HeadlandError('HL_PICTURE_INVALID', message, { remedy, details: { format: name } });
}

/**
 * Reads only the header and checks it against the limits.
 *
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE, HL_PICTURE_TOO_MANY_PIXELS
 */
export async function readHeader(bytes: Uint8Array, limits: PictureLimits): Promise<PictureHeader> {
  const format = checkBytes(bytes, limits);
  // The limit is checked here, because sharp's message does not tell the number of pixels.
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
        remedy:
          'Make the picture smaller, lower the resolution of the camera, or raise inference.maxPicturePixels.',
        details: { width: metadata.width, height: metadata.height, maxPixels: limits.maxPixels },
      },
    );
  }
  return { format, metadata };
}

/**
 * The only way to the pixels of an outside image: opens it upright by its EXIF orientation, without
 * alpha, in 8-bit sRGB, and passes it to `run`, which scales and reads it. Bytes that are not JPEG,
 * PNG or WebP never reach the decoder, because libvips would also try SVG, PDF, HEIC and others.
 * Decoding stops at the first damaged byte instead of filling the rest with grey.
 *
 * @returns what `run` resolves with
 * @throws HeadlandError HL_PICTURE_INVALID, HL_PICTURE_TOO_LARGE (bytes),
 *   HL_PICTURE_TOO_MANY_PIXELS (by the header, before anything is decoded)
 */
export async function withPicture<Result>(
  bytes: Uint8Array,
  limits: PictureLimits,
  run: (picture: Sharp) => Promise<Result>,
): Promise<Result> {
  const format = checkBytes(bytes, limits);
  // The decoder checks the limit of pixels before it decodes. Reading the header first would cost
  // every valid image half a millisecond, so only images that fail are read a second time.
  const picture = sharp(bytes, { failOn: 'error', limitInputPixels: limits.maxPixels, pages: 1 })
    .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb');
  try {
    return await run(picture);
  } catch (error) {
    if (error instanceof HeadlandError) throw error;
    await readHeader(bytes, limits);
    throw invalid(`the ${format} picture is damaged: ${firstLine(error)}`, bytes, error);
  }
}

/** Decodes an image that {@link withPicture} opened, 8 bits a channel. */
export async function pixelsOf(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return {
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    width: info.width,
    height: info.height,
    channels: info.channels,
  };
}

/**
 * Encodes pixels as a baseline JPEG with halved colour resolution, like most cameras.
 *
 * @param quality 1..100, on libjpeg's scale
 */
export async function encodeJpeg(
  { data, width, height }: Omit<RgbImage, 'data'> & { data: Uint8Array | Uint8ClampedArray },
  quality: number,
): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

/**
 * An image after transmission as a baseline JPEG with halved colour resolution, like that of most
 * cameras. The size stays; the bytes depend on the codec of the architecture.
 *
 * @param quality 1..100, on libjpeg's scale
 */
export async function recompressJpeg(image: RgbImage, quality: number): Promise<RgbImage> {
  const { width, height } = image;
  const jpeg = await encodeJpeg(image, quality);
  const data = await sharp(jpeg).raw().toBuffer();
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

/** The error for bytes that are not a whole image. */
function invalid(message: string, bytes: Uint8Array, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_PICTURE_INVALID', message, {
    remedy: 'Replace the file, or look at the camera: the picture is damaged or is none.',
    details: { bytes: bytes.length },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** libvips answers in several lines, or not at all; the first line tells what is wrong. */
function firstLine(error: unknown): string {
  const line = (messageOf(error).split('\n', 1)[0] ?? '').trim();
  return /^(unknown error)?$/i.test(line) ? 'its data does not make a whole picture' : line;
}
