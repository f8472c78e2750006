import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createRandom } from '../../src/base/random.js';
import type { AffineParameters, FillMode } from '../../src/vision/affine.js';
import {
  type Augmentation,
  type AugmentationRanges,
  applyAugmentation,
  drawAugmentation,
} from '../../src/vision/augment.js';
import type { RgbImage } from '../../src/vision/image.js';
import { kerasHeadAffine } from './keras-head.js';

interface OracleCase {
  fill: FillMode;
  fillValue: number;
  height: number;
  width: number;
  parameters: AffineParameters;
  input: number[];
  output: number[];
}
// The tests run from dist/test/; fixtures stay where they are written.
const oracle = JSON.parse(
  readFileSync(
    fileURLToPath(
      new URL('../../../test/vision/fixtures/augmentation_oracle.json', import.meta.url),
    ),
    'utf8',
  ),
) as {
  kerasHead: OracleCase[];
  headland: OracleCase[];
  brightness: { factor: number; levels: number[] }[];
};

const STILL: AffineParameters = {
  rotationDegrees: 0,
  rowShift: 0,
  columnShift: 0,
  shearDegrees: 0,
  rowZoom: 1,
  columnZoom: 1,
};
const NOTHING: Augmentation = {
  ...STILL,
  channelShift: 0,
  horizontalFlip: false,
  verticalFlip: false,
  brightness: 1,
  fill: 'nearest',
  fillValue: 0,
};
const SETTINGS: AugmentationRanges = {
  rotationDegrees: 15,
  widthShift: 0.1,
  heightShift: 0.1,
  shearDegrees: 5,
  zoom: 0.15,
  horizontalFlip: true,
  verticalFlip: true,
  brightness: 0.2,
  channelShift: 20,
  fill: 'nearest',
};

function grey(rows: number[][]): RgbImage {
  return {
    width: rows[0]!.length,
    height: rows.length,
    data: Uint8Array.from(rows.flat().flatMap((v) => [v, v, v])),
  };
}

function rows({ width, data }: RgbImage): number[][] {
  const red = Array.from(data).filter((_, i) => i % 3 === 0);
  return Array.from({ length: red.length / width }, (_, r) =>
    red.slice(r * width, (r + 1) * width),
  );
}

const anyImage = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): RgbImage => ({ width, height, data })),
  );
const anyFill = fc.constantFrom<FillMode>('nearest', 'reflect', 'wrap', 'constant');
const anyContinuousFill = fc.constantFrom<FillMode>('nearest', 'reflect', 'wrap');
const anyAffine = fc.record({
  rotationDegrees: fc.double({ min: -180, max: 180, noNaN: true }),
  rowShift: fc.double({ min: -20, max: 20, noNaN: true }),
  columnShift: fc.double({ min: -20, max: 20, noNaN: true }),
  shearDegrees: fc.double({ min: -60, max: 60, noNaN: true }),
  rowZoom: fc.double({ min: 0.1, max: 1.9, noNaN: true }),
  columnZoom: fc.double({ min: 0.1, max: 1.9, noNaN: true }),
});

describe('keras-head compatibility', () => {
  const four = { width: 4, height: 4, data: Float64Array.from({ length: 16 }, (_, i) => i) };
  const three = { width: 5, height: 3, data: Float64Array.from({ length: 15 }, (_, i) => i) };
  const golden: [string, typeof four, Partial<AffineParameters>, number[][]][] = [
    [
      'rotation by 90 degrees',
      four,
      { rotationDegrees: 90 },
      [
        [3, 7, 11, 15],
        [2, 6, 10, 14],
        [1, 5, 9, 13],
        [0, 4, 8, 12],
      ],
    ],
    [
      'tx = 1 moves columns',
      four,
      { rowShift: 1 },
      [
        [1, 2, 3, 3],
        [5, 6, 7, 7],
        [9, 10, 11, 11],
        [13, 14, 15, 15],
      ],
    ],
    [
      'ty = 1 moves rows',
      four,
      { columnShift: 1 },
      [
        [4, 5, 6, 7],
        [8, 9, 10, 11],
        [12, 13, 14, 15],
        [12, 13, 14, 15],
      ],
    ],
    [
      'zx = 0.5',
      four,
      { rowZoom: 0.5 },
      [
        [0.75, 1.25, 1.75, 2.25],
        [4.75, 5.25, 5.75, 6.25],
        [8.75, 9.25, 9.75, 10.25],
        [12.75, 13.25, 13.75, 14.25],
      ],
    ],
    [
      'shear by 30 degrees',
      four,
      { shearDegrees: 30 },
      [
        [1.5538, 2.5538, 3.5538, 3.8038],
        [4.5179, 5.5179, 6.5179, 7.2679],
        [7.7321, 8.4821, 9.4821, 10.4821],
        [11.1962, 11.4462, 12.4462, 13.4462],
      ],
    ],
    [
      'all together',
      four,
      {
        rotationDegrees: 20,
        rowShift: 0.5,
        columnShift: -0.25,
        shearDegrees: 0.2,
        rowZoom: 1.1,
        columnZoom: 0.9,
      },
      [
        [0.971, 2.0047, 4.4289, 5.9338],
        [2.458, 4.9965, 7.5351, 9.3124],
        [5.5258, 8.0643, 10.6029, 12.691],
        [8.5936, 11.1321, 13.6707, 15],
      ],
    ],
    [
      '3 x 5 turned about a wrong centre',
      three,
      { rotationDegrees: 90 },
      [
        [8, 13, 13, 13, 13],
        [7, 12, 12, 12, 12],
        [6, 11, 11, 11, 11],
      ],
    ],
    [
      '3 x 5 with tx = 1',
      three,
      { rowShift: 1 },
      [
        [1, 2, 3, 4, 4],
        [6, 7, 8, 9, 9],
        [11, 12, 13, 14, 14],
      ],
    ],
  ];
  for (const [what, plane, parameters, expected] of golden) {
    it(`gives the golden values: ${what}`, () => {
      const { data } = kerasHeadAffine(plane, { ...STILL, ...parameters });
      // The golden values are printed with four decimals.
      for (const [i, value] of expected.flat().entries()) {
        assert.ok(Math.abs(data[i]! - value) <= 5.1e-5, `${i}: ${data[i]} is not ${value}`);
      }
    });
  }

  it('equals SciPy on 80 random transforms in all four fills', () => {
    assert.equal(oracle.kerasHead.length, 80);
    for (const [n, c] of oracle.kerasHead.entries()) {
      const plane = { width: c.width, height: c.height, data: Float64Array.from(c.input) };
      const { data } = kerasHeadAffine(plane, c.parameters, c.fill, c.fillValue);
      for (const [i, value] of c.output.entries()) {
        assert.ok(
          Math.abs(data[i]! - value) < 1e-6,
          `case ${n} (${c.fill}) at ${i}: ${data[i]} is not ${value}`,
        );
      }
    }
  });
});

describe('applyAugmentation', () => {
  it('equals SciPy on 60 random transforms, to the fixed-point resolution', () => {
    assert.equal(oracle.headland.length, 60);
    for (const [n, c] of oracle.headland.entries()) {
      const image = { width: c.width, height: c.height, data: Uint8Array.from(c.input) };
      const { data } = applyAugmentation(image, {
        ...NOTHING,
        ...c.parameters,
        fill: c.fill,
        fillValue: c.fillValue,
      });
      for (const [i, value] of c.output.entries()) {
        // Rounding to 8 bits gives 0.5; two weights cut at 2^-10 and positions at 2^-16 of at
        // most 255 levels give 0.55.
        assert.ok(
          Math.abs(data[i]! - value) < 1.05,
          `case ${n} (${c.fill}) at ${i}: ${data[i]} is not ${value}`,
        );
      }
    }
  });

  const nine = grey([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
  it('gives the first shift to rows and the second to columns', () => {
    assert.deepEqual(rows(applyAugmentation(nine, { ...NOTHING, rowShift: 1 })), [
      [4, 5, 6],
      [7, 8, 9],
      [7, 8, 9],
    ]);
    assert.deepEqual(rows(applyAugmentation(nine, { ...NOTHING, columnShift: 1 })), [
      [2, 3, 3],
      [5, 6, 6],
      [8, 9, 9],
    ]);
  });

  it('turns about the true centre, also when the picture is not square', () => {
    const wide = grey([
      [10, 20, 30, 40, 50],
      [11, 21, 31, 41, 51],
      [12, 22, 32, 42, 52],
    ]);
    assert.deepEqual(rows(applyAugmentation(wide, { ...NOTHING, rotationDegrees: 180 })), [
      [52, 42, 32, 22, 12],
      [51, 41, 31, 21, 11],
      [50, 40, 30, 20, 10],
    ]);
    assert.equal(
      rows(applyAugmentation(wide, { ...NOTHING, rotationDegrees: 90 }))[1]![2],
      31,
      'the middle stays where it is',
    );
  });

  it('fills as Keras documents: aaaa|abcd, dcba|abcd, abcd|abcd, kkkk|abcd', () => {
    const line = grey([[10, 20, 30, 40]]);
    const filled = (fill: FillMode, columnShift: number): number[] =>
      rows(applyAugmentation(line, { ...NOTHING, columnShift, fill, fillValue: 7 }))[0]!;
    assert.deepEqual(filled('nearest', -4), [10, 10, 10, 10]);
    assert.deepEqual(filled('reflect', -4), [40, 30, 20, 10]);
    assert.deepEqual(filled('wrap', -5), [40, 10, 20, 30]);
    assert.deepEqual(filled('constant', -2), [7, 7, 10, 20]);
    assert.deepEqual(filled('nearest', 4), [40, 40, 40, 40]);
    assert.deepEqual(filled('reflect', 4), [40, 30, 20, 10]);
    assert.deepEqual(filled('wrap', 5), [20, 30, 40, 10]);
    assert.deepEqual(filled('constant', 2), [30, 40, 7, 7]);
  });

  it('holds a channel shift within the darkest and brightest of the picture', () => {
    const image = grey([[50, 100, 200]]);
    assert.deepEqual(rows(applyAugmentation(image, { ...NOTHING, channelShift: 60 })), [
      [110, 160, 200],
    ]);
    assert.deepEqual(rows(applyAugmentation(image, { ...NOTHING, channelShift: -60 })), [
      [50, 50, 140],
    ]);
  });

  it("changes brightness as Pillow's enhancer, which Keras calls", () => {
    const image = grey([Array.from({ length: 256 }, (_, i) => i)]);
    for (const { factor, levels } of oracle.brightness) {
      const result = rows(applyAugmentation(image, { ...NOTHING, brightness: factor }))[0];
      assert.deepEqual(result, levels, `factor ${factor}`);
    }
  });

  it('shifts channels before it changes brightness', () => {
    const image = grey([[50, 100, 200]]);
    assert.deepEqual(
      rows(applyAugmentation(image, { ...NOTHING, channelShift: 60, brightness: 0.5 })),
      [[55, 80, 100]],
    );
  });

  it('leaves a picture as it is when nothing is asked, and never hands out its bytes', () => {
    fc.assert(
      fc.property(anyImage, anyFill, (image, fill) => {
        const result = applyAugmentation(image, { ...NOTHING, fill });
        assert.deepEqual(result, image);
        assert.notEqual(result.data, image.data);
      }),
    );
  });

  it('flips are their own inverse and mirror exactly', () => {
    fc.assert(
      fc.property(
        anyImage,
        anyFill,
        fc.boolean(),
        fc.boolean(),
        (image, fill, horizontalFlip, verticalFlip) => {
          const flip = { ...NOTHING, fill, horizontalFlip, verticalFlip };
          const once = applyAugmentation(image, flip);
          const expected = rows(image).map((row) => (horizontalFlip ? row.reverse() : row));
          assert.deepEqual(rows(once), verticalFlip ? expected.reverse() : expected);
          assert.deepEqual(applyAugmentation(once, flip), image);
        },
      ),
    );
  });

  it('a flip after a transform is the mirrored transform', () => {
    // Without `constant`: there a point on the very border may fall to either side.
    fc.assert(
      fc.property(anyImage, anyContinuousFill, anyAffine, (image, fill, affine) => {
        const plain = applyAugmentation(image, { ...NOTHING, ...affine, fill });
        const both = applyAugmentation(image, {
          ...NOTHING,
          ...affine,
          fill,
          horizontalFlip: true,
          verticalFlip: true,
        });
        const mirrored = rows(plain)
          .map((row) => row.reverse())
          .reverse();
        for (const [i, value] of mirrored.flat().entries()) {
          assert.ok(Math.abs(rows(both).flat()[i]! - value) <= 1);
        }
      }),
    );
  });

  it('invents no level darker or brighter than the picture has', () => {
    fc.assert(
      fc.property(
        anyImage,
        anyContinuousFill,
        anyAffine,
        fc.double({ min: -255, max: 255, noNaN: true }),
        (image, fill, affine, channelShift) => {
          const { data } = applyAugmentation(image, { ...NOTHING, ...affine, fill, channelShift });
          assert.ok(Math.min(...data) >= Math.min(...image.data));
          assert.ok(Math.max(...data) <= Math.max(...image.data));
        },
      ),
    );
  });

  it('refuses a transform that leaves the range of its arithmetic', () => {
    const far = { ...NOTHING, rowShift: 1e6 };
    assert.throws(() => applyAugmentation(nine, far), RangeError);
  });
});

describe('drawAugmentation', () => {
  it('gives the same bytes for the same seed and other bytes for another', () => {
    const data = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * 31) % 256);
    const image = { width: 64, height: 48, data };
    const view = (seed: number): Uint8Array =>
      applyAugmentation(image, drawAugmentation(createRandom(seed), SETTINGS, 64, 48)).data;
    assert.deepEqual(view(7), view(7));
    assert.notDeepEqual(view(7), view(8));
  });

  it('stays within the settings and gives heights to rows', () => {
    const random = createRandom(3);
    const drawn = Array.from({ length: 2_000 }, () =>
      drawAugmentation(random, { ...SETTINGS, heightShift: 0.3, widthShift: 0.1 }, 200, 100),
    );
    const largest = (of: (a: Augmentation) => number): number =>
      Math.max(...drawn.map((a) => Math.abs(of(a))));
    const bounds: [number, number][] = [
      [largest((a) => a.rotationDegrees), 15],
      [largest((a) => a.rowShift), 30],
      [largest((a) => a.columnShift), 20],
      [largest((a) => a.shearDegrees), 5],
      [largest((a) => a.rowZoom - 1), 0.15],
      [largest((a) => a.columnZoom - 1), 0.15],
      [largest((a) => a.brightness - 1), 0.2],
      [largest((a) => a.channelShift), 20],
    ];
    for (const [value, bound] of bounds) {
      assert.ok(value <= bound && value > 0.98 * bound, `${value} does not fill ${bound}`);
    }
    assert.ok(drawn.some((a) => Math.abs(a.rowZoom - a.columnZoom) > 0.1));
    const flips = drawn.filter((a) => a.horizontalFlip).length;
    assert.ok(flips > 900 && flips < 1_100, `${flips} of 2000 flipped`);
  });

  it('leaves the other draws alone when one range is switched off', () => {
    const full = drawAugmentation(createRandom(5), SETTINGS, 100, 100);
    const still = { ...SETTINGS, rotationDegrees: 0, horizontalFlip: false, zoom: 0 };
    const less = drawAugmentation(createRandom(5), still, 100, 100);
    assert.equal(less.shearDegrees, full.shearDegrees);
    assert.equal(less.brightness, full.brightness);
    assert.equal(less.verticalFlip, full.verticalFlip);
    assert.equal(less.rotationDegrees, 0);
    assert.equal(less.rowZoom, 1);
  });
});
