import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { type ErrorCode, HeadlandError } from '../../src/base/errors.js';
import { decodePicture } from '../../src/vision/decode.js';
import type { RgbImage } from '../../src/vision/image.js';
import { inspectPicture } from '../../src/vision/inspect.js';
import { drawing, halves, pngFromParts } from './pictures.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };
const SQUASH = { ...LIMITS, sizePixels: 64, fit: 'squash' as const };

function pixel({ width, data }: RgbImage, x: number, y: number): number[] {
  return Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));
}

function near(actual: number[], expected: number[], steps: number): void {
  assert.ok(
    actual.length === 3 && actual.every((v, i) => Math.abs(v - expected[i]!) <= steps),
    `${actual} is not within ${steps} of ${expected}`,
  );
}

/** Both readers must refuse the same bytes with the same code. */
async function refused(
  bytes: Uint8Array,
  code: ErrorCode,
  limits = LIMITS,
): Promise<HeadlandError> {
  await assert.rejects(inspectPicture(bytes, limits), (error) => {
    assert.ok(error instanceof HeadlandError);
    assert.equal(error.code, code);
    return true;
  });
  return decodePicture(bytes, { ...SQUASH, ...limits }).then(
    () => assert.fail('it was decoded'),
    (error: unknown) => {
      assert.ok(error instanceof HeadlandError);
      assert.equal(error.code, code);
      assert.ok(error.remedy.length > 10);
      return error;
    },
  );
}

describe('decodePicture', () => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    it(`reads ${format} to the square that was asked for`, async () => {
      const bytes = await halves(320, 240).toFormat(format, { quality: 95 }).toBuffer();
      const image = await decodePicture(bytes, SQUASH);
      assert.deepEqual([image.width, image.height, image.data.length], [64, 64, 64 * 64 * 3]);
      near(pixel(image, 10, 32), [255, 0, 0], 8);
      near(pixel(image, 53, 32), [0, 0, 255], 8);
    });
  }

  it('squash keeps the edges, crop cuts them', async () => {
    const data = Buffer.alloc(400 * 100 * 3, 0);
    for (let y = 0; y < 100; y++) data.fill(255, y * 1200, y * 1200 + 240); // left fifth white
    const bytes = await sharp(data, { raw: { width: 400, height: 100, channels: 3 } })
      .png()
      .toBuffer();
    const squashed = await decodePicture(bytes, SQUASH);
    near(pixel(squashed, 2, 30), [255, 255, 255], 2);
    const cropped = await decodePicture(bytes, { ...SQUASH, fit: 'crop' });
    near(pixel(cropped, 0, 30), [0, 0, 0], 2);
  });

  it('gives the same bytes every time', async () => {
    const bytes = await drawing(640, 480).jpeg().toBuffer();
    const [first, second] = await Promise.all([
      decodePicture(bytes, { ...SQUASH, sizePixels: 224 }),
      decodePicture(bytes, { ...SQUASH, sizePixels: 224 }),
    ]);
    assert.deepEqual(first.data, second.data);
  });

  it('scales without aliasing: a fine checkerboard becomes grey', async () => {
    const data = Uint8Array.from({ length: 512 * 512 }, (_, i) =>
      ((i % 512) + Math.floor(i / 512)) % 2 === 0 ? 0 : 255,
    );
    const bytes = await sharp(data, { raw: { width: 512, height: 512, channels: 1 } })
      .png()
      .toBuffer();
    near(pixel(await decodePicture(bytes, SQUASH), 31, 31), [128, 128, 128], 6);
  });

  it('reads CMYK', async () => {
    const bytes = await halves(200, 200).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    assert.equal((await sharp(bytes).metadata()).space, 'cmyk');
    const image = await decodePicture(bytes, SQUASH);
    const [red, , blue] = pixel(image, 10, 32) as [number, number, number];
    assert.ok(red > 150 && blue < 100, `left is ${pixel(image, 10, 32)}`);
  });

  it('reads grey, grey with alpha and palettes', async () => {
    const grey = sharp(Buffer.alloc(100 * 100, 77), {
      raw: { width: 100, height: 100, channels: 1 },
    }).toColourspace('b-w');
    for (const bytes of [
      await grey.clone().jpeg({ quality: 100 }).toBuffer(),
      await grey.clone().png().toBuffer(),
      await grey.clone().ensureAlpha(0.5).png().toBuffer(),
      await grey.clone().png({ palette: true }).toBuffer(),
    ]) {
      near(pixel(await decodePicture(bytes, SQUASH), 32, 32), [77, 77, 77], 2);
    }
  });

  it('reads 16-bit PNG, in colour and in grey', async () => {
    const colour = Uint16Array.from(
      { length: 50 * 50 * 3 },
      (_, i) => [51_400, 25_700, 5_140][i % 3]!,
    );
    const rgb = await sharp(colour, { raw: { width: 50, height: 50, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    assert.equal((await sharp(rgb).metadata()).depth, 'ushort');
    near(pixel(await decodePicture(rgb, SQUASH), 32, 32), [200, 100, 20], 1);
    const level = Uint16Array.from({ length: 50 * 50 }, () => 25_700);
    const grey = await sharp(level, { raw: { width: 50, height: 50, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    assert.equal((await sharp(grey).metadata()).depth, 'ushort');
    near(pixel(await decodePicture(grey, SQUASH), 32, 32), [100, 100, 100], 1);
  });

  it('drops alpha: glass keeps its colour, what cannot be seen is black', async () => {
    const data = Buffer.alloc(40 * 40 * 4);
    for (let i = 0; i < 1600; i++) data.set([10, 200, 30, i % 40 < 20 ? 90 : 0], i * 4);
    const bytes = await sharp(data, { raw: { width: 40, height: 40, channels: 4 } })
      .png()
      .toBuffer();
    const image = await decodePicture(bytes, SQUASH);
    near(pixel(image, 8, 20), [10, 200, 30], 2);
    near(pixel(image, 56, 20), [0, 0, 0], 1);
  });

  it('turns a picture upright by its EXIF orientation', async () => {
    // Orientation 6: the camera was turned; what is stored left belongs on top.
    const bytes = await halves(320, 240)
      .jpeg({ quality: 95 })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const image = await decodePicture(bytes, SQUASH);
    near(pixel(image, 32, 8), [255, 0, 0], 8);
    near(pixel(image, 32, 55), [0, 0, 255], 8);
    const { width, height } = await inspectPicture(bytes, LIMITS);
    assert.deepEqual([width, height], [240, 320]);
  });
});

describe('damaged and hostile pictures', () => {
  it('an empty buffer', async () => {
    assert.match((await refused(new Uint8Array(), 'HL_PICTURE_INVALID')).message, /empty/);
  });

  it('a text file named .jpg', async () => {
    const error = await refused(
      Buffer.from('dear diary, today I am a picture\n'),
      'HL_PICTURE_INVALID',
    );
    assert.match(error.message, /not a picture; JPEG, PNG and WebP are read/);
  });

  for (const format of ['jpeg', 'png', 'webp'] as const) {
    it(`a ${format} cut off anywhere`, async () => {
      const bytes = await drawing(320, 240).toFormat(format).toBuffer();
      for (const share of [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]) {
        const error = await refused(
          bytes.subarray(0, Math.floor(bytes.length * share)),
          'HL_PICTURE_INVALID',
        );
        assert.match(error.message, /damaged|header|not a/);
      }
    });
  }

  it('a JPEG with a flipped byte anywhere never crashes and never gives a wrong shape', async () => {
    const bytes = await drawing(160, 120).jpeg().toBuffer();
    for (let at = 2; at < bytes.length; at += Math.ceil(bytes.length / 150)) {
      const flipped = Uint8Array.from(bytes);
      flipped[at]! ^= 0xff;
      try {
        assert.equal((await decodePicture(flipped, SQUASH)).data.length, 64 * 64 * 3);
      } catch (error) {
        assert.ok(error instanceof HeadlandError, `byte ${at}: ${error}`);
        assert.match(error.code, /^HL_PICTURE_/);
      }
    }
  });

  it('a 200-megapixel PNG is refused by its header, before its pixels are read', async () => {
    const whole = pngFromParts(20_000, 10_000);
    assert.ok(whole.length < 100_000);
    const error = await refused(whole, 'HL_PICTURE_TOO_MANY_PIXELS');
    assert.match(error.message, /20000 x 10000/);
    // With pixels that cannot be decoded the answer is the same: nobody looked at them.
    await refused(pngFromParts(20_000, 10_000, Buffer.from('junk')), 'HL_PICTURE_TOO_MANY_PIXELS');
    await refused(pngFromParts(200, 100, Buffer.from('junk')), 'HL_PICTURE_INVALID');
  });

  it('one pixel more than allowed is too many, exactly as many is not', async () => {
    const bytes = await drawing(100, 50).png().toBuffer();
    await decodePicture(bytes, { ...SQUASH, maxPixels: 5_000 });
    await refused(bytes, 'HL_PICTURE_TOO_MANY_PIXELS', { ...LIMITS, maxPixels: 4_999 });
  });

  it('more bytes than allowed', async () => {
    const bytes = await drawing(100, 50).png().toBuffer();
    await decodePicture(bytes, { ...SQUASH, maxBytes: bytes.length });
    const limits = { ...LIMITS, maxBytes: bytes.length - 1 };
    const error = await refused(bytes, 'HL_PICTURE_TOO_LARGE', limits);
    assert.deepEqual(error.details, { bytes: bytes.length, maxBytes: bytes.length - 1 });
  });
});
