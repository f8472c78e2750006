import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { isWholeJpeg, JpegSplitter } from '../../../../src/camera/drivers/jpeg/jpeg-stream.js';
import { makeJpeg } from '../../support.js';

const MAX_BYTES = 1_000_000;

/** Cuts bytes at the given places (shares of the length, 0..1). */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const ends = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

function split(chunks: Uint8Array[], maxBytes = MAX_BYTES): Buffer[] {
  const splitter = new JpegSplitter(maxBytes);
  return chunks.flatMap((chunk) => splitter.push(chunk)).map((picture) => Buffer.from(picture));
}

describe('JpegSplitter', () => {
  let pictures: Buffer[] = [];
  before(async () => {
    const thumbnail = Buffer.from(await makeJpeg(9, { width: 16, height: 16 }));
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), thumbnail, thumbnail]);
    const baseline = Buffer.from(await makeJpeg(1));
    // Restart markers and a thumbnail that is cut off inside its scan.
    const broken = Buffer.concat([Buffer.from('Exif\0\0'), thumbnail.subarray(0, -40)]);
    pictures = [
      baseline,
      Buffer.from(await makeJpeg(2, { progressive: true })),
      Buffer.from(await makeJpeg(3, { exif })),
      Buffer.from(await makeJpeg(4, { exif: broken, width: 8, height: 8 })),
      withRestartMarkers(baseline),
    ];
  });

  it('gives back any sequence of pictures, however it is cut and whatever lies between', () => {
    // Bytes that look like markers, so that the garbage is as nasty as the format allows.
    const garbage = fc.array(fc.constantFrom(0xff, 0xd8, 0xd9, 0x00, 0xda, 0x41, 0xe1), {
      maxLength: 12,
    });
    const piece = fc.record({
      picture: fc.nat({ max: pictures.length - 1 }),
      garbage: garbage.filter((bytes) => !opensSegment(bytes)),
    });
    const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), places, (pieces, cuts) => {
        const stream = Buffer.concat(
          pieces.flatMap((p) => [Buffer.from(p.garbage), pictures[p.picture]!]),
        );
        const found = split(cut(stream, cuts));
        assert.deepEqual(
          found,
          pieces.map((p) => pictures[p.picture]!),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('works byte by byte', () => {
    const stream = Buffer.concat(pictures);
    const bytes = Array.from(stream, (byte) => Uint8Array.of(byte));
    assert.deepEqual(split(bytes), pictures);
  });

  it('drops a picture that is cut off, at whatever byte, and finds the next', () => {
    for (const cutOff of pictures) {
      const ambiguous = ambiguousCuts(cutOff);
      const last = Math.min(cutOff.length, 1_500);
      for (const next of pictures) {
        for (let length = 3; length < last; length += 1) {
          if (ambiguous.has(length)) continue;
          const found = split([cutOff.subarray(0, length), next]);
          assert.ok(
            found.length === 1 && found[0]!.equals(next),
            `${pictures.indexOf(cutOff)} cut off after ${length} bytes, then ${pictures.indexOf(next)}: ${found.length} found`,
          );
        }
      }
    }
  });

  it('counts what is broken', () => {
    const splitter = new JpegSplitter(MAX_BYTES);
    splitter.push(pictures[0]!.subarray(0, pictures[0]!.length - 30));
    assert.equal(splitter.invalidPictures, 0);
    splitter.push(pictures[0]!);
    assert.equal(splitter.invalidPictures, 1);
  });

  it('counts data in which no picture is, but not what follows one in its buffer', () => {
    const splitter = new JpegSplitter(MAX_BYTES);
    splitter.push(Buffer.alloc(3 * 65_536, 0x41));
    assert.equal(splitter.invalidPictures, 3);
    for (const fill of [0x00, 0xff, 0x41]) {
      splitter.push(pictures[0]!);
      assert.deepEqual(splitter.push(Buffer.alloc(5 * 65_536, fill)), []);
    }
    assert.equal(splitter.invalidPictures, 3);
    splitter.push(Buffer.alloc(MAX_BYTES, 0x41));
    assert.ok(splitter.invalidPictures > 3, 'more than a buffer can be');
  });

  it('drops a picture that is larger than allowed, and keeps the small ones around it', async () => {
    const large = Buffer.from(await makeJpeg(5, { width: 400, height: 400 }));
    const [small] = pictures;
    const stream = Buffer.concat([small!, large, small!]);
    for (const size of [1, 100, 4_096, stream.length]) {
      const chunks = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      assert.deepEqual(split(chunks, small!.length), [small, small]);
    }
  });

  it('never crashes and never gives what is not framed, on mutated streams', () => {
    const stream = Buffer.concat(pictures);
    const mutation = fc.tuple(fc.nat({ max: stream.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 30 }), (mutations) => {
        const mutated = Buffer.from(stream);
        for (const [at, value] of mutations) mutated[at] = value;
        for (const picture of split([mutated])) {
          assert.equal(picture.readUInt16BE(0), 0xffd8);
          assert.equal(picture.readUInt16BE(picture.length - 2), 0xffd9);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps memory bounded on an endless picture', () => {
    const splitter = new JpegSplitter(100_000);
    splitter.push(pictures[0]!.subarray(0, pictures[0]!.length - 2));
    const before = process.memoryUsage().arrayBuffers;
    const chunk = Buffer.alloc(65_536, 0x41);
    for (let i = 0; i < 2_000; i += 1) assert.deepEqual(splitter.push(chunk), []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
    assert.deepEqual(splitter.push(pictures[1]!).map(Buffer.from), [pictures[1]]);
  });
});

describe('JpegSplitter on photos of a real camera', () => {
  it('gives back each of them', (t) => {
    const shared = process.env.HEADLAND_SHARED ?? join(process.cwd(), '..', 'shared');
    const folder = join(shared, 'data', 'grocery');
    if (!existsSync(folder)) return t.skip(`no photos in ${folder}`);
    const photos = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.jpg'))
      .map((name) => readFileSync(join(folder, name)));
    assert.ok(photos.length > 1_000);
    const splitter = new JpegSplitter(MAX_BYTES);
    let next = 0;
    const stream = Buffer.concat(photos);
    for (let at = 0; at < stream.length; at += 65_536) {
      for (const picture of splitter.push(stream.subarray(at, at + 65_536))) {
        assert.ok(photos[next]!.equals(picture), `photo ${next}`);
        next += 1;
      }
    }
    assert.equal(next, photos.length);
    assert.equal(splitter.invalidPictures, 0);
  });
});

describe('isWholeJpeg', () => {
  it('accepts a whole JPEG only', async () => {
    const jpeg = await makeJpeg(1);
    assert.equal(isWholeJpeg(jpeg), true);
    assert.equal(isWholeJpeg(jpeg.subarray(0, jpeg.length - 2)), false);
    assert.equal(isWholeJpeg(jpeg.subarray(1)), false);
    assert.equal(isWholeJpeg(new Uint8Array()), false);
    assert.equal(isWholeJpeg(Buffer.from('not a picture')), false);
  });
});

/** Garbage that begins a well-formed segment swallows what follows, and rightly so: leave it out. */
function opensSegment(bytes: number[]): boolean {
  return bytes.some((byte, i) => byte === 0xff && bytes[i + 1] === 0xe1);
}

/**
 * Lengths at which a cut cannot be seen: inside application data, which may hold anything, and two
 * bytes before the end of a quantisation table or restart interval, where an SOI is a valid value.
 */
function ambiguousCuts(jpeg: Buffer): Set<number> {
  const lengths = new Set<number>();
  for (let at = 2; jpeg[at + 1] !== 0xda; ) {
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    if (jpeg[at + 1] === 0xdb || jpeg[at + 1] === 0xdd) lengths.add(end - 2);
    if (jpeg[at + 1]! >= 0xe0) for (let inside = at; inside < end; inside += 1) lengths.add(inside);
    at = end;
  }
  return lengths;
}

/** The same picture, encoded with a restart interval: each interval is followed by RST0 to RST7. */
function withRestartMarkers(jpeg: Buffer): Buffer {
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
  const dri = Buffer.from([0xff, 0xdd, 0x00, 0x04, 0x00, 0x01]);
  const markers = Buffer.from([0xff, 0xd0, 0x12, 0xff, 0xd1, 0x34, 0xff, 0xff, 0xd7]);
  return Buffer.concat([
    jpeg.subarray(0, scan),
    dri,
    jpeg.subarray(scan, -2),
    markers,
    jpeg.subarray(-2),
  ]);
}
