import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { isHeadlandError } from '../../../src/base/errors.js';
import { PictureCutter } from '../../../src/camera/stage/cutter.js';
import {
  PictureMask,
  type Polygon,
  polygonsInRegion,
} from '../../../src/camera/stage/picture-mask.js';
import { pixelBox, regionsOf } from '../../../src/camera/stage/regions.js';
import { isNear, paintJpeg, pixelsIn } from '../pictures.js';
import { makeJpeg, pictureSettings } from '../support.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 1_000_000 };
const cutter = (settings: Record<string, unknown> = {}) =>
  new PictureCutter(pictureSettings(settings), LIMITS);

const RED = [200, 20, 20] as const;
const GREEN = [20, 200, 20] as const;
const BLUE = [20, 20, 200] as const;
const WHITE = [240, 240, 240] as const;
const BLACK = [0, 0, 0] as const;
/** Red, green above blue, white. */
const quarters = (width: number, height: number) => (x: number, y: number) =>
  x < width / 2 ? (y < height / 2 ? RED : BLUE) : y < height / 2 ? GREEN : WHITE;

/** The picture that becomes of one without regions. */
async function only(cutting: PictureCutter, picture: Uint8Array): Promise<Uint8Array> {
  const [cut, ...others] = await cutting.cut(picture);
  assert.deepEqual([cut?.region, others], [null, []]);
  return cut!.jpeg;
}

describe('PictureMask', () => {
  /** The even-odd rule by its definition: how many edges a ray to the right crosses. */
  function contains(polygon: Polygon, x: number, y: number): boolean {
    let inside = false;
    polygon.forEach(([x1, y1], i) => {
      const [x2, y2] = polygon[(i + 1) % polygon.length]!;
      if (y1 <= y !== y2 <= y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
    });
    return inside;
  }

  it('covers exactly the pixels whose centre lies in a polygon', () => {
    const coordinate = fc.double({ min: -0.5, max: 1.5, noNaN: true });
    const polygon = fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 7 });
    fc.assert(
      fc.property(fc.array(polygon, { maxLength: 3 }), (polygons) => {
        const [width, height] = [13, 9];
        const visible = new PictureMask(polygons).visible(width, height);
        visible.forEach((seen, i) => {
          const x = ((i % width) + 0.5) / width;
          const y = (Math.floor(i / width) + 0.5) / height;
          const covered = polygons.some((polygon) => contains(polygon, x, y));
          assert.equal(seen, covered ? 0 : 1, `pixel ${i}`);
        });
      }),
    );
  });

  it('moves with the region that is cut out', () => {
    const crop = { left: 0.5, top: 0.25, width: 0.5, height: 0.5 };
    const polygon: Polygon = [
      [0.5, 0.25],
      [1, 0.75],
    ];
    assert.deepEqual(polygonsInRegion([polygon], crop), [
      [
        [0, 0],
        [1, 1],
      ],
    ]);
  });
});

describe('PictureCutter', () => {
  it('hands pictures on byte by byte when there is nothing to do', async () => {
    const jpeg = await makeJpeg(1);
    assert.equal(await only(cutter(), jpeg), jpeg);
  });

  it('cuts the region out', async () => {
    const jpeg = await paintJpeg(160, 80, quarters(160, 80));
    const crop = { left: 0.5, top: 0, width: 0.25, height: 1 };
    const { width, height, at } = await pixelsIn(await only(cutter({ crop }), jpeg));
    assert.deepEqual([width, height], [40, 80]);
    assert.ok(isNear(at(20, 10), GREEN), String(at(20, 10)));
    assert.ok(isNear(at(20, 70), WHITE), String(at(20, 70)));
  });

  it('cuts named regions out of what is kept, each with its part of the masks', async () => {
    const jpeg = await paintJpeg(320, 160, quarters(320, 160));
    // The right half: green above white.
    const crop = { left: 0.5, top: 0, width: 0.5, height: 1 };
    const masks = [
      [
        [0.5, 0],
        [0.75, 0],
        [0.75, 1],
        [0.5, 1],
      ],
    ];
    const regions = [
      { name: 'upper', left: 0, top: 0, width: 1, height: 0.5 },
      { name: 'lower', left: 0.5, top: 0.5, width: 0.5, height: 0.5 },
    ];
    const cut = await cutter({ crop, masks, regions }).cut(jpeg);
    assert.deepEqual(
      cut.map(({ region }) => region),
      ['upper', 'lower'],
    );
    const [upper, lower] = await Promise.all(cut.map(({ jpeg: part }) => pixelsIn(part)));
    assert.deepEqual([upper!.width, upper!.height], [160, 80]);
    assert.deepEqual([lower!.width, lower!.height], [80, 80]);
    assert.ok(isNear(upper!.at(40, 40), BLACK) && isNear(upper!.at(120, 40), GREEN));
    for (const x of [4, 40, 76]) assert.ok(isNear(lower!.at(x, 40), WHITE));
  });

  it('names the regions of a grid row by row', async () => {
    const jpeg = await paintJpeg(160, 80, quarters(160, 80));
    const cut = await cutter({ regions: { columns: 2, rows: 2 } }).cut(jpeg);
    const colours = await Promise.all(
      cut.map(async ({ jpeg: part }) => (await pixelsIn(part)).at(20, 20)),
    );
    assert.deepEqual(
      cut.map(({ region }) => region),
      ['1', '2', '3', '4'],
    );
    for (const [i, colour] of [RED, GREEN, BLUE, WHITE].entries()) {
      assert.ok(isNear(colours[i]!, colour), `${i + 1}: ${colours[i]}`);
    }
  });

  it('gives every pixel to exactly one region of a grid, whatever the size', () => {
    const grid = fc.record({
      columns: fc.integer({ min: 1, max: 8 }),
      rows: fc.integer({ min: 1, max: 4 }),
      width: fc.integer({ min: 8, max: 100 }),
      height: fc.integer({ min: 4, max: 60 }),
    });
    fc.assert(
      fc.property(grid, ({ columns, rows, width, height }) => {
        const owners = new Uint8Array(width * height);
        for (const region of regionsOf({ regions: { columns, rows } })) {
          const box = pixelBox(region, width, height);
          for (let y = box.top; y < box.top + box.height; y++) {
            for (let x = box.left; x < box.left + box.width; x++) owners[y * width + x]! += 1;
          }
        }
        assert.ok(owners.every((owner) => owner === 1));
      }),
    );
  });

  it('blackens polygons and nothing else', async () => {
    const jpeg = await paintJpeg(160, 80, quarters(160, 80));
    const lowerHalf = [
      [0, 0.5],
      [1, 0.5],
      [1, 1],
      [0, 1],
    ];
    const { at } = await pixelsIn(await only(cutter({ masks: [lowerHalf] }), jpeg));
    assert.ok(isNear(at(40, 20), RED) && isNear(at(120, 20), GREEN));
    for (const x of [0, 40, 120, 159])
      assert.ok(isNear(at(x, 79), BLACK) && isNear(at(x, 50), BLACK));
  });

  it('reads mask coordinates in the whole picture, cut or not', async () => {
    const jpeg = await paintJpeg(160, 160, () => WHITE);
    const masks = [
      [
        [0.5, 0.5],
        [0.75, 0.5],
        [0.75, 0.75],
        [0.5, 0.75],
      ],
    ];
    const crop = { left: 0.5, top: 0.5, width: 0.5, height: 0.5 };
    const { at } = await pixelsIn(await only(cutter({ masks, crop }), jpeg));
    assert.ok(isNear(at(20, 20), BLACK) && isNear(at(60, 20), WHITE) && isNear(at(20, 60), WHITE));
  });

  it('means the picture as people see it, upright by its EXIF', async () => {
    // Stored lying down: what is above on the left when upright is stored below on the left.
    const jpeg = await paintJpeg(160, 80, quarters(160, 80), { orientation: 6 });
    const crop = { left: 0, top: 0, width: 0.5, height: 0.5 };
    const { width, height, at } = await pixelsIn(await only(cutter({ crop }), jpeg));
    assert.deepEqual([width, height], [40, 80]);
    assert.ok(isNear(at(20, 40), BLUE), String(at(20, 40)));
  });

  it('leaves no thumbnail or place behind', async () => {
    const original = await sharp(await makeJpeg(1))
      .withExif({ IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } })
      .jpeg()
      .toBuffer();
    assert.ok((await sharp(original).metadata()).exif, 'the original has EXIF');
    const masks = [
      [
        [0, 0],
        [0.1, 0],
        [0, 0.1],
      ],
    ];
    assert.equal((await sharp(await only(cutter({ masks }), original)).metadata()).exif, undefined);
  });

  it('follows a change of resolution', async () => {
    const cut = cutter({ crop: { left: 0, top: 0, width: 0.5, height: 1 } });
    for (const width of [64, 320, 64]) {
      const jpeg = await makeJpeg(width, { width, height: 48 });
      assert.equal((await pixelsIn(await only(cut, jpeg))).width, width / 2);
    }
  });

  it('keeps at least one pixel', async () => {
    const crop = { left: 0.99, top: 0.99, width: 0.01, height: 0.01 };
    const { width, height } = await pixelsIn(await only(cutter({ crop }), await makeJpeg(1)));
    assert.deepEqual([width, height], [1, 1]);
  });

  it('refuses what is no whole picture, and what is too large by its header', async () => {
    const jpeg = await makeJpeg(1);
    const cut = cutter({ crop: { left: 0, top: 0, width: 1, height: 0.5 } });
    const huge = await makeJpeg(2, { width: 1_001, height: 1_000 });
    for (const bytes of [jpeg.subarray(0, jpeg.length / 2), Buffer.from('none')]) {
      await assert.rejects(cut.cut(bytes), (error) => isHeadlandError(error, 'HL_PICTURE_INVALID'));
    }
    await assert.rejects(cut.cut(huge), (error) =>
      isHeadlandError(error, 'HL_PICTURE_TOO_MANY_PIXELS'),
    );
  });
});
