import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import exifReader from 'exif-reader';
import fc from 'fast-check';
import sharp from 'sharp';
import { readExif } from '../../src/vision/exif.js';
import { inspectPicture } from '../../src/vision/inspect.js';
import { drawing } from './pictures.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

async function taken(format: 'jpeg' | 'png' | 'webp', tags: Record<string, string>) {
  const bytes = await drawing(80, 60).withExif({ IFD2: tags }).toFormat(format).toBuffer();
  return inspectPicture(bytes, LIMITS);
}

describe('inspectPicture', () => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    it(`reads size and capture time of a ${format}`, async () => {
      assert.deepEqual(await taken(format, { DateTimeOriginal: '2024:05:01 06:07:08' }), {
        format,
        width: 80,
        height: 60,
        captureTimeMs: Date.UTC(2024, 4, 1, 6, 7, 8),
        gpsTimeMs: null,
        position: null,
      });
    });
  }

  it('adds fractions of a second and takes off the offset from UTC', async () => {
    const time = { DateTimeOriginal: '2024:05:01 06:07:08' };
    const cases: [Record<string, string>, string][] = [
      [{ SubSecTimeOriginal: '5' }, '2024-05-01T06:07:08.500Z'],
      [{ SubSecTimeOriginal: '042999' }, '2024-05-01T06:07:08.042Z'],
      [{ OffsetTimeOriginal: '+02:00' }, '2024-05-01T04:07:08.000Z'],
      [{ OffsetTimeOriginal: '-09:30' }, '2024-05-01T15:37:08.000Z'],
      [{ SubSecTimeOriginal: '25', OffsetTimeOriginal: '+05:45' }, '2024-05-01T00:22:08.250Z'],
      [{ OffsetTimeOriginal: 'nonsense' }, '2024-05-01T06:07:08.000Z'],
    ];
    for (const [tags, expected] of cases) {
      const { captureTimeMs } = await taken('jpeg', { ...time, ...tags });
      assert.equal(new Date(captureTimeMs ?? 0).toISOString(), expected);
    }
  });

  it('reads the time of the satellites and the place', async () => {
    const of = async (gps: Record<string, string>) => {
      const bytes = await drawing(80, 60).withExif({ IFD3: gps }).jpeg().toBuffer();
      const { gpsTimeMs, position: place } = await inspectPicture(bytes, LIMITS);
      const degrees = place && [place.latitude, place.longitude].map((value) => value.toFixed(4));
      return [gpsTimeMs, degrees];
    };
    const position = {
      GPSLatitudeRef: 'S',
      GPSLatitude: '33/1 30/1 3600/100',
      GPSLongitudeRef: 'E',
      GPSLongitude: '151/1 1230/100 0/1',
    };
    const time = { GPSDateStamp: '2025:07:01', GPSTimeStamp: '9/1 8/1 755/100' };
    assert.deepEqual(await of({ ...position, ...time }), [
      Date.UTC(2025, 6, 1, 9, 8, 7, 550),
      ['-33.5100', '151.2050'],
    ]);
    assert.deepEqual(await of({ ...time, GPSDateStamp: '2025:13:01' }), [null, null]);
    assert.deepEqual(await of({ ...position, GPSLatitude: '91/1 0/1 0/1' }), [null, null]);
    assert.deepEqual(await of({ ...position, GPSLatitude: '33/0 0/1 0/1' }), [null, null]);
    const nowhere = { GPSLatitude: '0/1 0/1 0/1', GPSLongitude: '0/1 0/1 0/1' };
    assert.deepEqual(await of({ ...position, ...nowhere }), [null, null]);
  });

  it('knows no time when there is none or the camera made one up', async () => {
    const bytes = await drawing(80, 60).jpeg().toBuffer();
    assert.equal((await inspectPicture(bytes, LIMITS)).captureTimeMs, null);
    for (const DateTimeOriginal of [
      '0000:00:00 00:00:00',
      '2024:13:01 00:00:00',
      '2024:02:30 00:00:00',
      '    :  :     :  :  ',
      'yesterday, after lunch',
    ]) {
      assert.equal((await taken('jpeg', { DateTimeOriginal })).captureTimeMs, null);
    }
  });
});

describe('readExif', () => {
  it('agrees with a general reader on random times', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.date({
          min: new Date('1990-01-01T00:00:00Z'),
          max: new Date('2099-12-31T00:00:00Z'),
          noInvalidDate: true,
        }),
        async (date) => {
          const text = date.toISOString().slice(0, 19).replaceAll('-', ':').replace('T', ' ');
          const bytes = await drawing(8, 8)
            .withExif({ IFD2: { DateTimeOriginal: text } })
            .jpeg()
            .toBuffer();
          const { exif } = await sharp(bytes).metadata();
          const expected = exifReader(exif!).Photo?.DateTimeOriginal?.getTime();
          assert.equal(readExif(exif!).captureTimeMs, expected);
          assert.equal(expected, Math.floor(date.getTime() / 1000) * 1000);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('never throws and never hangs, whatever the bytes', async () => {
    const bytes = await drawing(8, 8)
      .withExif({ IFD2: { DateTimeOriginal: '2024:05:01 06:07:08', OffsetTimeOriginal: '+01:00' } })
      .jpeg()
      .toBuffer();
    const { exif } = await sharp(bytes).metadata();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(exif!.length - 1), fc.nat(255)), { maxLength: 12 }),
        fc.nat(exif!.length),
        (changes, length) => {
          const mutated = Uint8Array.from(exif!);
          for (const [at, value] of changes) mutated[at] = value;
          const {
            captureTimeMs,
            gpsTimeMs,
            position: place,
          } = readExif(mutated.subarray(0, length));
          for (const time of [captureTimeMs, gpsTimeMs]) {
            assert.ok(time === null || Number.isSafeInteger(time));
          }
          assert.ok(place === null || Math.abs(place.latitude) <= 90);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('reads big-endian blocks and a counted 64 kB bomb at no cost', () => {
    const block = Buffer.alloc(65_000);
    block.write('MM', 0, 'latin1');
    block.writeUInt16BE(42, 2);
    block.writeUInt32BE(8, 4);
    block.writeUInt16BE(5_000, 8);
    for (let i = 0; i < 5_000; i++) {
      const at = 10 + i * 12;
      block.writeUInt16BE(i + 1, at);
      block.writeUInt16BE(1, at + 2);
      block.writeUInt32BE(0xffffffff, at + 4);
    }
    assert.equal(readExif(block).captureTimeMs, null);

    const small = Buffer.alloc(80);
    block.copy(small, 0, 0, 8);
    small.writeUInt16BE(1, 8);
    small.writeUInt16BE(0x8769, 10);
    small.writeUInt16BE(4, 12);
    small.writeUInt32BE(1, 14);
    small.writeUInt32BE(26, 18);
    small.writeUInt16BE(1, 26);
    small.writeUInt16BE(0x9003, 28);
    small.writeUInt16BE(2, 30);
    small.writeUInt32BE(20, 32);
    small.writeUInt32BE(50, 36);
    small.write('2024:05:01 06:07:08\0', 50, 'latin1');
    assert.equal(readExif(small).captureTimeMs, Date.UTC(2024, 4, 1, 6, 7, 8));
  });
});
