import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { PictureCutter } from '../../src/camera/stage/cutter.js';
import { MotionGate } from '../../src/camera/stage/motion.js';
import { PictureMask } from '../../src/camera/stage/picture-mask.js';
import { measureQuality } from '../../src/camera/stage/quality.js';
import { decodePicture } from '../../src/vision/decode.js';
import { inspectPicture } from '../../src/vision/inspect.js';
import { withPicture } from '../../src/vision/picture.js';
import { describeRefused, mediaTypeOf, sniffFormat } from '../../src/vision/sniff.js';
import { pictureSettings } from '../camera/support.js';
import { drawing } from './pictures.js';
import { refusedFiles } from './refused.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };
const NO_MASK = new PictureMask([]);
const SETTINGS = pictureSettings({
  crop: { left: 0, top: 0, width: 0.5, height: 0.5 },
  onlyWhenMoving: {},
});

/** Every way on which bytes from outside come to a decoder. */
const WAYS: Record<string, (bytes: Uint8Array) => Promise<unknown>> = {
  decode: (bytes) => decodePicture(bytes, { ...LIMITS, sizePixels: 32, fit: 'squash' }),
  inspect: (bytes) => inspectPicture(bytes, LIMITS),
  open: (bytes) => withPicture(bytes, LIMITS, (picture) => picture.raw().toBuffer()),
  cut: (bytes) => new PictureCutter(SETTINGS, LIMITS).cut(bytes),
  motion: (bytes) => new MotionGate(SETTINGS.onlyWhenMoving!, NO_MASK, LIMITS).passes(bytes, 1),
  quality: (bytes) => measureQuality(bytes, NO_MASK, LIMITS),
};

describe('pictures that are not JPEG, PNG or WebP', () => {
  for (const [way, run] of Object.entries(WAYS)) {
    it(`are refused by name: ${way}`, async () => {
      for (const [name, bytes] of await refusedFiles()) {
        await assert.rejects(run(bytes), (error) => {
          assert.ok(isHeadlandError(error, 'HL_PICTURE_INVALID'), `${name}: ${error}`);
          assert.match(error.message, new RegExp(name), name);
          return true;
        });
      }
    });

    it(`hold no matter how many bytes or pixels: ${way}`, async () => {
      const png = await drawing(64, 48).png().toBuffer();
      await run(png);
      const large = Buffer.concat([png, Buffer.alloc(LIMITS.maxBytes)]);
      await assert.rejects(run(large), (e) => isHeadlandError(e, 'HL_PICTURE_TOO_LARGE'));
    });
  }

  it('have a media type that no browser draws', async () => {
    for (const [, bytes] of await refusedFiles()) {
      assert.equal(mediaTypeOf(bytes), 'application/octet-stream');
    }
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const bytes = await drawing(8, 8).toFormat(format).toBuffer();
      assert.equal(sniffFormat(bytes), format);
      assert.equal(mediaTypeOf(bytes), `image/${format}`);
    }
  });

  it('are called damaged, never unknown, where their head is right', async () => {
    const jpeg = await drawing(200, 150).jpeg({ progressive: true }).toBuffer();
    const cut = [jpeg.subarray(0, 400), jpeg.subarray(0, 20), jpeg.subarray(0, jpeg.length >> 1)];
    const png = await drawing(200, 150).png().toBuffer();
    const webp = await drawing(200, 150).webp().toBuffer();
    for (const bytes of [
      ...cut,
      png.subarray(0, 600),
      png.subarray(0, 20),
      webp.subarray(0, 200),
    ]) {
      await assert.rejects(inspectPicture(bytes, LIMITS), (error) => {
        assert.ok(isHeadlandError(error, 'HL_PICTURE_INVALID'), String(error));
        assert.match(
          error.message,
          /^the (jpeg|png|webp) (header cannot be read|picture is damaged): \S/,
        );
        assert.doesNotMatch(error.message, /unknown error/i);
        return true;
      });
    }
  });

  it('get a name whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const { name, remedy } = describeRefused(bytes);
        assert.match(name, /^(empty|not a picture|nothing but zeros.*|what macOS .*|an? .+)$/);
        assert.match(remedy, /^[A-Z].{5,}/);
      }),
    );
  });
});
