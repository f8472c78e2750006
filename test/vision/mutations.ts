import sharp, { type JpegOptions } from 'sharp';
import type { Random } from '../../src/base/random.js';
import { drawing } from './pictures.js';

/** Whole JPEGs of every kind that cameras send, to be damaged. */
export async function wholeJpegs(): Promise<Uint8Array[]> {
  const picture = await drawing(320, 240).png().toBuffer();
  const jpeg = (options: JpegOptions = {}): Promise<Buffer> =>
    sharp(picture)
      .jpeg({ quality: 85, ...options })
      .toBuffer();
  return Promise.all([
    jpeg(),
    jpeg({ chromaSubsampling: '4:4:4' }),
    jpeg({ progressive: true }),
    jpeg({ quality: 30, optimiseCoding: false }),
    sharp(picture).greyscale().jpeg().toBuffer(),
    sharp(picture).toColourspace('cmyk').jpeg().toBuffer(),
    sharp(picture).jpeg().withMetadata({ orientation: 6 }).withExif({}).toBuffer(),
    drawing(33, 49).jpeg({ quality: 100 }).toBuffer(),
  ]);
}

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** From where to where: somewhere, at most `longest` bytes. */
function stretch(bytes: Uint8Array, random: Random, longest: number): [number, number] {
  const from = random.int(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.int(longest))];
}

/** Offsets of the markers between start and scan, where sizes, tables and factors stand. */
function segments(bytes: Uint8Array): { marker: number; at: number; length: number }[] {
  const found: { marker: number; at: number; length: number }[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    found.push({ marker: bytes[at + 1]!, at, length });
    if (bytes[at + 1] === 0xda) break;
    at += 2 + length;
  }
  return found;
}

function some<T>(things: readonly T[], random: Random): T {
  return things[random.int(things.length)]!;
}

const MUTATIONS: Record<string, Mutation> = {
  flip: (bytes, random) => {
    const flipped = Uint8Array.from(bytes);
    for (let n = 1 + random.int(20); n > 0; n--) {
      flipped[random.int(flipped.length)]! ^= 1 << random.int(8);
    }
    return flipped;
  },
  overwrite: (bytes, random) => {
    const written = Uint8Array.from(bytes);
    const [from, to] = stretch(bytes, random, 64);
    for (let at = from; at < to; at++) written[at] = random.int(256);
    return written;
  },
  cut: (bytes, random) => bytes.slice(0, random.int(bytes.length)),
  drop: (bytes, random) => {
    const [from, to] = stretch(bytes, random, 512);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  repeat: (bytes, random) => {
    const [from, to] = stretch(bytes, random, 2_048);
    return join(bytes.subarray(0, to), bytes.subarray(from));
  },
  splice: (bytes, random, others) => {
    const other = some(others, random);
    return join(
      bytes.subarray(0, random.int(bytes.length)),
      other.subarray(random.int(other.length)),
    );
  },
  header: (bytes, random) => {
    const changed = Uint8Array.from(bytes);
    const { at, length } = some(segments(bytes), random);
    for (let n = 1 + random.int(3); n > 0; n--) {
      changed[Math.min(changed.length - 1, at + 4 + random.int(Math.min(length, 20)))] =
        random.int(256);
    }
    return changed;
  },
  lengthOfSegment: (bytes, random) => {
    const changed = Uint8Array.from(bytes);
    const { at } = some(segments(bytes), random);
    changed[at + 2] = random.int(4) === 0 ? random.int(256) : 0;
    changed[at + 3] = random.int(256);
    return changed;
  },
  marker: (bytes, random) => {
    const changed = Uint8Array.from(bytes);
    changed[some(segments(bytes), random).at + 1] = 0xc0 + random.int(64);
    return changed;
  },
  size: (bytes, random) => {
    const changed = Uint8Array.from(bytes);
    const frame = segments(bytes).find(({ marker }) => marker >= 0xc0 && marker <= 0xc2);
    if (frame) for (let n = 5; n < 9; n++) changed[frame.at + n] = random.int(n % 2 ? 8 : 256);
    return changed;
  },
};

/** A JPEG that something has gone wrong with: one to three mutations of a whole one. */
export function mutatedJpeg(whole: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes = some(whole, random);
  for (let n = 1 + random.int(3); n > 0 && bytes.length > 64; n--) {
    const usable = segments(bytes).length > 0 ? Object.values(MUTATIONS) : [MUTATIONS.flip!];
    bytes = some(usable, random)(bytes, random, whole);
  }
  return bytes;
}
