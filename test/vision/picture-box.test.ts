import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { cutOut, isWhole, uprightSize } from '../../src/vision/crop.js';
import { MIN_BOX_PIXELS, type PictureBox, placeBox } from '../../src/vision/picture-box.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

const pixels = (left: number, top: number, right: number, bottom: number): PictureBox => {
  return { left, top, right, bottom, unit: 'pixel', of: null };
};

describe('a box in a picture', () => {
  const picture = { width: 200, height: 100, orientation: 1 };

  it('is clipped, widened, and refused if nothing usable is left', () => {
    const place = (box: PictureBox, margin = 0) => placeBox(box, picture, margin);
    assert.deepEqual(place(pixels(10, 20, 50, 60)), {
      rectangle: { left: 10, top: 20, width: 40, height: 40 },
    });
    assert.deepEqual(place(pixels(-30, 20, 20, 200)), {
      rectangle: { left: 0, top: 20, width: 20, height: 80 },
    });
    assert.deepEqual(place(pixels(10, 20, 50, 60), 0.25), {
      rectangle: { left: 0, top: 10, width: 60, height: 60 },
    });
    assert.deepEqual(place(pixels(200, 20, 250, 60)), { fault: 'outside' });
    assert.deepEqual(place(pixels(190, 20, 250, 60)), {
      rectangle: { left: 190, top: 20, width: 10, height: 40 },
    });
    assert.deepEqual(place(pixels(193, 20, 250, 60)), { fault: 'small' });
    assert.deepEqual(place(pixels(10, 20, 17, 60), 1), { fault: 'small' });
  });

  it('is scaled from the size that the annotator saw', () => {
    const seen = { ...pixels(10, 10, 20, 20), of: { width: 50, height: 25 } };
    assert.deepEqual(placeBox(seen, picture), {
      rectangle: { left: 40, top: 40, width: 40, height: 40 },
    });
    const other = { ...pixels(1, 1, 2, 2), of: { width: 9, height: 9 } };
    assert.deepEqual(placeBox(other, picture), { fault: 'shape' });
    const onItsSide = { ...pixels(10, 10, 40, 40), of: { width: 100, height: 200 } };
    assert.deepEqual(placeBox(onItsSide, picture), { fault: 'shape' });
    const share: PictureBox = { left: 0, top: 0.5, right: 0.5, bottom: 1, unit: 'share', of: null };
    assert.deepEqual(placeBox(share, picture), {
      rectangle: { left: 0, top: 50, width: 100, height: 50 },
    });
  });

  it('is inside the picture and large enough, whatever the annotation', () => {
    const edge = fc.double({ min: -500, max: 500, noNaN: true });
    const size = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(
        fc.tuple(edge, edge, edge, edge),
        fc.record({ width: size, height: size, orientation: fc.integer({ min: 1, max: 8 }) }),
        fc.option(fc.record({ width: size, height: size })),
        fc.constantFrom<'pixel' | 'share'>('pixel', 'share'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ([a, b, c, d], inside, of, unit, margin) => {
          const box: PictureBox = {
            left: Math.min(a, c),
            right: Math.max(a, c),
            top: Math.min(b, d),
            bottom: Math.max(b, d),
            unit,
            of,
          };
          const placed = placeBox(box, inside, margin);
          if ('fault' in placed) return;
          const { left, top, width, height } = placed.rectangle;
          assert.ok(left >= 0 && top >= 0 && Math.min(width, height) >= MIN_BOX_PIXELS);
          assert.ok(left + width <= inside.width && top + height <= inside.height);
          assert.ok([left, top, width, height].every(Number.isInteger));
        },
      ),
    );
  });

  it('follows the EXIF orientation: of the upright picture, or of the stored one', async () => {
    // A red square in the upper left corner of the stored picture, on blue.
    const stored = { width: 96, height: 64 };
    const square = await sharp({
      create: { width: 32, height: 32, channels: 3, background: '#f00' },
    })
      .png()
      .toBuffer();
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const bytes = await sharp({ create: { ...stored, channels: 3, background: '#00f' } })
        .composite([{ input: square, left: 0, top: 0 }])
        .withMetadata({ orientation })
        .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const size = await uprightSize(bytes, LIMITS);
      const swaps = orientation >= 5;
      assert.deepEqual([size.width, size.height], swaps ? [64, 96] : [96, 64]);
      // Tools that turn pictures upright measure there; where the axes swap, the size tells others.
      const [right, low] = [[2, 3, 6, 7].includes(orientation), [3, 4, 7, 8].includes(orientation)];
      const left = right ? size.width - 32 : 0;
      const top = low ? size.height - 32 : 0;
      const boxes: PictureBox[] = [
        { ...pixels(left, top, left + 32, top + 32), of: size },
        ...(swaps ? [{ ...pixels(0, 0, 32, 32), of: stored }] : []),
      ];
      for (const box of boxes) {
        const placed = placeBox(box, size);
        assert.ok('rectangle' in placed);
        const [crop] = await cutOut(bytes, [placed.rectangle], LIMITS);
        const { channels } = await sharp(crop).stats();
        const [red, , blue] = channels.map(({ mean }) => mean);
        assert.ok(red! > 250 && blue! < 5, `orientation ${orientation}: ${red}, ${blue}`);
        assert.equal((await sharp(crop).metadata()).orientation, undefined);
      }
    }
  });

  it('is whole only if it is the whole picture', () => {
    assert.ok(isWhole({ left: 0, top: 0, width: 200, height: 100 }, picture));
    assert.ok(!isWhole({ left: 0, top: 0, width: 200, height: 99 }, picture));
    assert.ok(!isWhole({ left: 1, top: 0, width: 199, height: 100 }, picture));
  });
});
