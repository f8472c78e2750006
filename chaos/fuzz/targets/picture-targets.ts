import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import sharp from 'sharp';
import { JpegSplitter } from '../../../src/camera/drivers/jpeg/jpeg-stream.js';
import { FrameReader } from '../../../src/camera/drivers/pipe/frame-reader.js';
import { PacketGuard } from '../../../src/telemetry/broker/packet-guard.js';
import { decodePicture } from '../../../src/vision/decode.js';
import { readExif } from '../../../src/vision/exif.js';
import { readJpegHead } from '../../../src/vision/geotag/exif-segment.js';
import { readHeader } from '../../../src/vision/picture.js';
import { sniffFormat } from '../../../src/vision/sniff.js';
import { frame } from '../../../test/camera/drivers/pipe-frames.js';
import { wholeJpegs } from '../../../test/vision/mutations.js';
import { drawing } from '../../../test/vision/pictures.js';
import type { FuzzTarget } from '../fuzz-target.js';

const LIMITS = { maxBytes: 65_536, maxPixels: 1_000_000 };
const MARKERS = ['\xff\xd8', '\xff\xd9', '\xff\xda', '\xff\xe1', '\xff\x00', 'Exif\0\0', 'II*\0'];

async function everyFormat(): Promise<Uint8Array[]> {
  const small = await drawing(48, 32).png().toBuffer();
  return [small, await sharp(small).webp().toBuffer(), ...(await wholeJpegs())];
}

async function exifBlocks(): Promise<Uint8Array[]> {
  const jpeg = await drawing(16, 16)
    .jpeg()
    .withExif({
      IFD0: { Make: 'A', DateTime: '2026:01:01 00:00:00' },
      IFD2: { DateTimeOriginal: '2026:01:01 00:00:00', OffsetTimeOriginal: '+01:00' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 7/1 2/1', GPSLongitude: '11/1 31/1 0/1' },
    })
    .toBuffer();
  const { exif } = await sharp(jpeg).metadata();
  return exif === undefined ? [] : [exif];
}

async function throughGuard(input: Uint8Array): Promise<void> {
  const guard = new PacketGuard(4_096);
  guard.resume();
  const chunks = [input.subarray(0, input.length / 3), input.subarray(input.length / 3)];
  Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(guard);
  await finished(guard).catch((error: unknown) => {
    if (!/packet larger than/.test(String(error))) throw error;
  });
}

/** Parsers of what cameras and neighbours on the network send. */
export const PICTURE_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'exif',
    seeds: exifBlocks,
    words: ['II*\0', 'MM\0*', 'Exif\0\0'],
    run: readExif,
  },
  {
    name: 'jpeg-head',
    seeds: wholeJpegs,
    words: MARKERS,
    run: (input) => [readJpegHead(input), sniffFormat(input)],
  },
  {
    name: 'jpeg-stream',
    seeds: wholeJpegs,
    words: MARKERS,
    run: (input) => {
      const splitter = new JpegSplitter(32_768);
      for (let at = 0; at < input.length; at += 4_096)
        splitter.push(input.subarray(at, at + 4_096));
    },
  },
  {
    name: 'pipe-frames',
    seeds: async () => (await wholeJpegs()).map((jpeg) => frame(jpeg, 1_800_000_000_000)),
    words: ['HLJ1', 'HLJ1\0\0\0\x01', ...MARKERS],
    run: (input) => {
      const reader = new FrameReader(32_768);
      for (let at = 0; at < input.length; at += 4_096) reader.push(input.subarray(at, at + 4_096));
      reader.end();
    },
  },
  {
    name: 'picture-header',
    seeds: everyFormat,
    words: [...MARKERS, 'IHDR', 'IDAT', 'RIFF', 'WEBP', 'VP8X'],
    run: (input) => readHeader(input, LIMITS),
    share: 0.25,
  },
  {
    name: 'picture',
    seeds: everyFormat,
    words: [...MARKERS, 'IHDR', 'IDAT', 'RIFF', 'WEBP', 'VP8X'],
    run: (input) => decodePicture(input, { ...LIMITS, sizePixels: 32, fit: 'squash' }),
    share: 0.1,
  },
  {
    name: 'mqtt-packets',
    seeds: () => [
      Buffer.from('100c00044d5154540402003c0000', 'hex'),
      Buffer.from('30050001616263c000', 'hex'),
      Buffer.from('8206000100016100e000', 'hex'),
    ],
    run: throughGuard,
  },
];
