import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/base/random.js';
import { gaussianBlurRgb } from '../../src/vision/gaussian-blur.js';
import type { RgbImage } from '../../src/vision/image.js';
import {
  applyPhotometricChange,
  drawPhotometricChange,
  NO_PHOTOMETRIC_CHANGE,
  type PhotometricChange,
  type PhotometricRanges,
} from '../../src/vision/photometric.js';
import { drawing } from './pictures.js';

const RANGES: PhotometricRanges = {
  gamma: 2.4,
  exposure: 0.5,
  colourTemperature: 0.25,
  blurPixels: 2,
  noiseLevels: 12,
  jpegQuality: 30,
};
const OFF: PhotometricRanges = {
  gamma: 1,
  exposure: 0,
  colourTemperature: 0,
  blurPixels: 0,
  noiseLevels: 0,
  jpegQuality: 100,
};

const anyImage = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): RgbImage => ({ width, height, data })),
  );
const anySeed = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
/** As far as the configuration allows. */
const anyRanges: fc.Arbitrary<PhotometricRanges> = fc.record({
  gamma: real(1, 5),
  exposure: real(0, 2),
  colourTemperature: real(0, 0.9),
  blurPixels: real(0, 8),
  noiseLevels: real(0, 64),
  jpegQuality: fc.integer({ min: 1, max: 100 }),
});
/** Far beyond what the configuration allows. */
const anyChange: fc.Arbitrary<PhotometricChange> = fc.record({
  gamma: real(0.01, 100),
  gain: real(0, 1e6),
  colourTemperature: real(-1, 1),
  blurSigmaPixels: real(0, 40),
  noiseSdLevels: real(0, 255),
  noiseSeed: anySeed,
  jpegQuality: fc.option(fc.integer({ min: 1, max: 100 })),
});

function changed(image: RgbImage, change: Partial<PhotometricChange>): Promise<RgbImage> {
  return applyPhotometricChange(image, { ...NO_PHOTOMETRIC_CHANGE, ...change });
}

function ramp(): RgbImage {
  return { width: 256, height: 1, data: Uint8Array.from({ length: 768 }, (_, i) => i / 3) };
}

async function picture(): Promise<RgbImage> {
  const data = new Uint8Array(await drawing(96, 64).raw().toBuffer());
  return { width: 96, height: 64, data };
}

function mean(values: Uint8Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean absolute difference of horizontal neighbours: what blur lowers. */
function contrast({ width, height, data }: RgbImage): number {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let i = y * width * 3; i < (y + 1) * width * 3 - 3; i++) {
      sum += Math.abs(data[i]! - data[i + 3]!);
    }
  }
  return sum / data.length;
}

describe('applyPhotometricChange', () => {
  it('leaves a picture as it is when nothing is asked, and never hands out its bytes', async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, async (image) => {
        const result = await changed(image, {});
        assert.deepEqual(result, image);
        assert.notEqual(result.data, image.data);
      }),
    );
  });

  it('keeps the size, leaves the picture alone and gives the same bytes again', async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, anyChange, async (image, change) => {
        const before = image.data.slice();
        const once = await applyPhotometricChange(image, change);
        assert.ok(once.data instanceof Uint8Array);
        assert.deepEqual([once.width, once.height], [image.width, image.height]);
        assert.equal(once.data.length, image.data.length);
        assert.deepEqual(image.data, before);
        assert.deepEqual(await applyPhotometricChange(image, change), once);
      }),
    );
  });

  it('light keeps the order of levels and reaches no further than 0 and 255', async () => {
    await fc.assert(
      fc.asyncProperty(real(0.01, 100), real(0, 1e6), async (gamma, gain) => {
        const { data } = await changed(ramp(), { gamma, gain });
        assert.equal(data[0], 0);
        for (let i = 3; i < data.length; i++) assert.ok(data[i]! >= data[i - 3]!);
      }),
    );
  });

  it('gamma holds black and white and bends the middle; gain multiplies', async () => {
    const at = async (level: number, change: Partial<PhotometricChange>) =>
      (await changed(ramp(), change)).data[level * 3];
    assert.deepEqual([await at(0, { gamma: 2 }), await at(255, { gamma: 2 })], [0, 255]);
    assert.equal(await at(128, { gamma: 2 }), 64); // 128² / 255 = 64.25
    assert.equal(await at(128, { gamma: 0.5 }), 181); // √(128 · 255) = 180.67
    assert.equal(await at(100, { gain: 1.5 }), 150);
    assert.equal(await at(200, { gain: 1.5 }), 255);
    assert.equal(await at(100, { gamma: 2, gain: 0.5 }), 20); // 0.5 · 100² / 255 = 19.6
  });

  it('a warmer picture has more red and less blue', async () => {
    const image = { width: 1, height: 1, data: Uint8Array.from([100, 100, 100]) };
    assert.deepEqual([...(await changed(image, { colourTemperature: 0.2 })).data], [120, 100, 80]);
    assert.deepEqual([...(await changed(image, { colourTemperature: -0.2 })).data], [80, 100, 120]);
  });

  it('noise has the standard deviation that was asked for and no drift', async () => {
    const grey = { width: 200, height: 200, data: new Uint8Array(120_000).fill(128) };
    for (const noiseSdLevels of [2, 12, 30]) {
      const { data } = await changed(grey, { noiseSdLevels, noiseSeed: 5 });
      const average = mean(data);
      const sd = Math.sqrt(data.reduce((sum, v) => sum + (v - average) ** 2, 0) / data.length);
      // 120,000 values: a standard error of 0.3 % of the deviation; rounding adds 1/12 to its square.
      assert.ok(Math.abs(average - 128) < 0.02 * noiseSdLevels, `mean ${average}`);
      const expected = Math.sqrt(noiseSdLevels ** 2 + 1 / 12);
      assert.ok(Math.abs(sd / expected - 1) < 0.02, `${sd} instead of ${expected}`);
    }
    const seeded = async (noiseSeed: number) =>
      (await changed(grey, { noiseSdLevels: 12, noiseSeed })).data;
    assert.notDeepEqual(await seeded(1), await seeded(2));
  });

  it('a lower JPEG quality is further from the picture', async () => {
    const image = await picture();
    const error = async (jpegQuality: number): Promise<number> => {
      const { data } = await changed(image, { jpegQuality });
      return mean(data.map((value, i) => Math.abs(value - image.data[i]!)));
    };
    const errors = [await error(90), await error(40), await error(5)];
    assert.ok(errors[0]! > 0 && errors[0]! < errors[1]! && errors[1]! < errors[2]!, `${errors}`);
    assert.ok(errors[2]! < 20, 'it is still the same picture');
  });
});

describe('gaussianBlurRgb', () => {
  it('equals the convolution with a sampled Gaussian', () => {
    fc.assert(
      fc.property(anyImage, real(0.3, 5), (image, sigma) => {
        const { data } = gaussianBlurRgb(image, sigma);
        const expected = referenceBlur(image, sigma);
        for (const [i, value] of expected.entries()) {
          // Rounding to 8 bits gives 0.5; weights at 2^-12, up to 31 in each direction, the rest.
          assert.ok(Math.abs(data[i]! - value) < 2, `${i}: ${data[i]} is not ${value}`);
        }
      }),
    );
  });

  it('keeps even areas and invents no level', () => {
    fc.assert(
      fc.property(anyImage, real(0, 40), (image, sigma) => {
        const { data } = gaussianBlurRgb(image, sigma);
        for (const channel of [0, 1, 2]) {
          const of = (values: Uint8Array) => values.filter((_, i) => i % 3 === channel);
          assert.ok(Math.min(...of(data)) >= Math.min(...of(image.data)));
          assert.ok(Math.max(...of(data)) <= Math.max(...of(image.data)));
        }
      }),
    );
  });

  it('makes edges softer the wider it is', async () => {
    const image = await picture();
    const contrasts = [0, 0.5, 1, 2, 4].map((sigma) => contrast(gaussianBlurRgb(image, sigma)));
    for (let i = 1; i < contrasts.length; i++) assert.ok(contrasts[i]! < contrasts[i - 1]!);
  });
});

/** In double precision, by its definition, border pixels repeated outwards. */
function referenceBlur({ width, height, data }: RgbImage, sigma: number): number[] {
  const radius = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = kernel.reduce((a, b) => a + b, 0);
  const clamp = (value: number, end: number) => Math.min(end - 1, Math.max(0, value));
  return Array.from(data, (_, at) => {
    const channel = at % 3;
    const x = Math.trunc(at / 3) % width;
    const y = Math.trunc(at / 3 / width);
    let sum = 0;
    for (const [i, down] of kernel.entries()) {
      const line = clamp(y + i - radius, height) * width;
      for (const [j, across] of kernel.entries()) {
        sum += down * across * data[(line + clamp(x + j - radius, width)) * 3 + channel]!;
      }
    }
    return sum / total ** 2;
  });
}

describe('drawPhotometricChange', () => {
  it('stays within the ranges, whatever they are', () => {
    fc.assert(
      fc.property(anySeed, anyRanges, (seed, ranges) => {
        const change = drawPhotometricChange(createRandom(seed), ranges);
        // The logarithm and back may end one rounding outside.
        const edge = 1 + 1e-12;
        assert.ok(change.gamma <= ranges.gamma * edge && change.gamma * edge >= 1 / ranges.gamma);
        assert.ok(Math.abs(Math.log(change.gain)) <= ranges.exposure * edge + 1e-12);
        assert.ok(Math.abs(change.colourTemperature) <= ranges.colourTemperature);
        assert.ok(change.blurSigmaPixels >= 0 && change.blurSigmaPixels <= ranges.blurPixels);
        assert.ok(change.noiseSdLevels >= 0 && change.noiseSdLevels <= ranges.noiseLevels);
        if (change.jpegQuality !== null) {
          assert.ok(Number.isInteger(change.jpegQuality));
          assert.ok(change.jpegQuality >= ranges.jpegQuality && change.jpegQuality < 100);
        }
      }),
    );
  });

  it('fills the ranges, on a logarithmic scale, and draws the last three in 4 of 10', () => {
    const random = createRandom(3);
    const drawn = Array.from({ length: 4_000 }, () => drawPhotometricChange(random, RANGES));
    const largest = (of: (c: PhotometricChange) => number) => Math.max(...drawn.map(of));
    const filled: [number, number][] = [
      [largest((c) => c.gamma), 2.4],
      [largest((c) => 1 / c.gamma), 2.4],
      [largest((c) => Math.log(c.gain)), 0.5],
      [largest((c) => -Math.log(c.gain)), 0.5],
      [largest((c) => c.colourTemperature), 0.25],
      [largest((c) => -c.colourTemperature), 0.25],
      [largest((c) => c.blurSigmaPixels), 2],
      [largest((c) => c.noiseSdLevels), 12],
    ];
    for (const [value, bound] of filled) assert.ok(value > 0.98 * bound, `${value} of ${bound}`);
    assert.equal(Math.min(...drawn.map((c) => c.jpegQuality ?? 100)), 30);
    const share = (of: (c: PhotometricChange) => boolean) => drawn.filter(of).length / drawn.length;
    // Four standard errors of a share of 4,000.
    const near = (value: number, expected: number) =>
      assert.ok(Math.abs(value - expected) < 0.032, `${value} instead of ${expected}`);
    near(
      share((c) => c.gamma > 1),
      0.5,
    );
    near(
      share((c) => c.gain > 1),
      0.5,
    );
    near(
      share((c) => c.blurSigmaPixels > 0),
      0.4,
    );
    near(
      share((c) => c.noiseSdLevels > 0),
      0.4,
    );
    near(
      share((c) => c.jpegQuality !== null),
      0.4,
    );
  });

  it('draws the identity where every range is off', async () => {
    await fc.assert(
      fc.asyncProperty(anySeed, anyImage, async (seed, image) => {
        const change = drawPhotometricChange(createRandom(seed), OFF);
        assert.deepEqual(await applyPhotometricChange(image, change), image);
      }),
    );
  });

  it('leaves the other draws alone when one range is switched off', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const full = drawPhotometricChange(createRandom(seed), RANGES);
        const off: [keyof PhotometricRanges, keyof PhotometricChange][] = [
          ['gamma', 'gamma'],
          ['exposure', 'gain'],
          ['colourTemperature', 'colourTemperature'],
          ['blurPixels', 'blurSigmaPixels'],
          ['noiseLevels', 'noiseSdLevels'],
          ['jpegQuality', 'jpegQuality'],
        ];
        for (const [range, drawn] of off) {
          const less = drawPhotometricChange(createRandom(seed), {
            ...RANGES,
            [range]: OFF[range],
          });
          assert.deepEqual(less, { ...full, [drawn]: NO_PHOTOMETRIC_CHANGE[drawn] });
        }
      }),
    );
  });

  it('takes ten numbers, whatever is drawn', () => {
    fc.assert(
      fc.property(anySeed, anyRanges, (seed, ranges) => {
        const [drawn, counted] = [createRandom(seed), createRandom(seed)];
        drawPhotometricChange(drawn, ranges);
        for (let i = 0; i < 10; i++) counted.next();
        assert.equal(drawn.next(), counted.next());
      }),
    );
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    const image = await picture();
    const view = async (seed: number) =>
      (await applyPhotometricChange(image, drawPhotometricChange(createRandom(seed), RANGES))).data;
    assert.deepEqual(await view(7), await view(7));
    assert.notDeepEqual(await view(7), await view(8));
  });
});
