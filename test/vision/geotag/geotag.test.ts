import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import exifReader from 'exif-reader';
import fc from 'fast-check';
import sharp from 'sharp';
import type { Position } from '../../../src/base/geo/position.js';
import { addGeotag, removeGeotag } from '../../../src/vision/geotag/geotag.js';
import { inspectPicture } from '../../../src/vision/inspect.js';
import { drawing } from '../pictures.js';

const LIMITS = { maxBytes: 1_000_000, maxPixels: 1_000_000 };

const HERE: Position = {
  latitude: -48.11730123,
  longitude: 11.51666678,
  accuracyMeters: 0.021,
  altitudeMeters: -3.5,
  speedMetersPerSecond: 1.234,
  courseDegrees: 359.999,
};
const UNKNOWN = {
  accuracyMeters: null,
  altitudeMeters: null,
  speedMetersPerSecond: null,
  courseDegrees: null,
};

const PLAIN = await drawing(80, 60).jpeg().toBuffer();
const WITH_EXIF = await drawing(80, 60)
  .withExif({
    IFD0: { Make: 'Farm camera', Copyright: 'Jo' },
    IFD2: { DateTimeOriginal: '2026:05:01 06:07:08' },
  })
  .jpeg()
  .toBuffer();

function tagged(bytes: Uint8Array, position = HERE): Uint8Array {
  const result = addGeotag(bytes, position);
  assert.ok(result);
  return result;
}

const positions = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  accuracyMeters: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  altitudeMeters: fc.option(fc.double({ min: -1e3, max: 1e6, noNaN: true })),
  speedMetersPerSecond: fc.option(fc.double({ min: 0, max: 400, noNaN: true })),
  courseDegrees: fc.option(fc.double({ min: 0, max: 359.999, noNaN: true })),
});

describe('the position in a picture', () => {
  for (const [what, bytes] of [
    ['without EXIF', PLAIN],
    ['with EXIF', WITH_EXIF],
  ] as const) {
    test(`comes back from a picture ${what}, and the picture comes back byte for byte`, async () => {
      const result = tagged(bytes);
      const { bytes: before, position } = removeGeotag(result);
      assert.deepEqual(position, HERE);
      assert.ok(Buffer.from(before).equals(bytes));
      assert.deepEqual((await inspectPicture(result, LIMITS)).position, HERE);
    });

    test(`leaves the pixels of a picture ${what} as they are`, async () => {
      const pixels = (picture: Uint8Array) => sharp(picture).raw().toBuffer();
      assert.ok((await pixels(tagged(bytes))).equals(await pixels(bytes)));
    });

    test(`is what another reader finds in a picture ${what}`, async () => {
      const { exif } = await sharp(tagged(bytes)).metadata();
      const { GPSInfo, Image, Photo } = exifReader(exif!);
      assert.equal(GPSInfo?.GPSLatitudeRef, 'S');
      assert.deepEqual(
        GPSInfo?.GPSLatitude?.map((part) => +part.toFixed(5)),
        [48, 7, 2.28443],
      );
      assert.equal(GPSInfo?.GPSLongitudeRef, 'E');
      assert.equal(GPSInfo?.GPSAltitude, 3.5);
      assert.equal(GPSInfo?.GPSMapDatum, 'WGS-84');
      if (bytes === PLAIN) return;
      assert.deepEqual([Image?.Make, Image?.Copyright], ['Farm camera', 'Jo']);
      assert.equal(Photo?.DateTimeOriginal?.toISOString(), '2026-05-01T06:07:08.000Z');
    });
  }

  test('every position comes back within its rounding, and every picture byte for byte', () => {
    fc.assert(
      fc.property(positions, fc.constantFrom(PLAIN, WITH_EXIF), (position, picture) => {
        fc.pre(Math.abs(position.latitude) > 1e-6 || Math.abs(position.longitude) > 1e-6);
        const { bytes, position: found } = removeGeotag(tagged(picture, position));
        assert.ok(Buffer.from(bytes).equals(picture));
        assert.ok(found);
        assert.ok(Math.abs(found.latitude - position.latitude) < 6e-9);
        assert.ok(Math.abs(found.longitude - position.longitude) < 6e-9);
        for (const name of ['accuracyMeters', 'altitudeMeters', 'speedMetersPerSecond'] as const) {
          const was: number | null = position[name];
          const is: number | null = found[name];
          assert.equal(is === null, was === null, name);
          assert.ok(Math.abs((is ?? 0) - (was ?? 0)) <= 0.000_51, `${name}: ${is}, not ${was}`);
        }
      }),
    );
  });

  test('is not written twice, nor over a position that the camera wrote', async () => {
    assert.equal(addGeotag(tagged(PLAIN), HERE), null);
    const camera = await drawing(80, 60)
      .withExif({ IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '1/1 2/1 3/1' } })
      .jpeg()
      .toBuffer();
    assert.equal(addGeotag(camera, HERE), null);
    assert.deepEqual(removeGeotag(camera), { bytes: camera, position: null });
  });

  test('is not written into other formats, damaged files and a full EXIF block', async () => {
    assert.equal(addGeotag(await drawing(8, 8).png().toBuffer(), HERE), null);
    assert.equal(addGeotag(PLAIN.subarray(0, 30), HERE), null);
    const full = await drawing(80, 60)
      .withExif({ IFD0: { Copyright: 'x'.repeat(65_300) } })
      .jpeg()
      .toBuffer();
    assert.equal(addGeotag(full, HERE), null);
    assert.ok(addGeotag(PLAIN, { latitude: 1, longitude: 2, ...UNKNOWN }));
  });

  test('damaged files are never a reason to throw', () => {
    const both = [tagged(PLAIN), tagged(WITH_EXIF)];
    fc.assert(
      fc.property(
        fc.constantFrom(...both),
        fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 12 }),
        fc.nat(700),
        (picture, changes, length) => {
          const mutated = Uint8Array.from(picture);
          for (const [at, value] of changes) mutated[at] = value;
          removeGeotag(mutated);
          addGeotag(mutated, HERE);
          removeGeotag(mutated.subarray(0, length));
          addGeotag(mutated.subarray(0, length), HERE);
        },
      ),
    );
  });
});
