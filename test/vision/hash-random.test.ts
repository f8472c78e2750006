import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { hammingDistance } from '../../src/base/hamming.js';
import { createRandom, seedFrom } from '../../src/base/random.js';
import { differenceHash } from '../../src/vision/dhash.js';
import type { RgbImage } from '../../src/vision/image.js';

function greyImage(width: number, height: number, level: (x: number, y: number) => number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      data.fill(level(x, y), (y * width + x) * 3, (y * width + x) * 3 + 3);
  }
  return { width, height, data } satisfies RgbImage;
}

describe('differenceHash', () => {
  it('sets a bit where the right neighbour is brighter, first row first', () => {
    assert.equal(differenceHash(greyImage(90, 80, (x) => x)), 'f'.repeat(16));
    assert.equal(differenceHash(greyImage(90, 80, (x) => 200 - x)), '0'.repeat(16));
    const step = greyImage(9, 8, (x, y) => (x === 8 && y === 0 ? 255 : 0));
    assert.equal(differenceHash(step), '0100000000000000');
    const corner = greyImage(9, 8, (x, y) => (x === 1 && y === 7 ? 255 : 0));
    assert.equal(differenceHash(corner), '0000000000000080');
  });

  it('is 0 for an even picture of any size: rounding sets no bits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 0, max: 255 }),
        (width, height, level) => {
          assert.equal(differenceHash(greyImage(width, height, () => level)), '0'.repeat(16));
        },
      ),
    );
  });

  it('weighs pixels that two cells share by their area', () => {
    // 10 columns in 9 cells: cell 0 holds column 0 and a ninth of column 1, and so on.
    const level = [0, 90, 0, 0, 0, 0, 0, 0, 0, 0];
    const means = Array.from({ length: 9 }, (_, cell) =>
      level.reduce((sum, value, x) => {
        const from = Math.max(x, (cell * 10) / 9);
        const to = Math.min(x + 1, ((cell + 1) * 10) / 9);
        return sum + value * Math.max(0, to - from);
      }, 0),
    );
    const bits = means.slice(1).map((mean, i) => (mean > means[i]! + 1e-6 ? '1' : '0'));
    const row = Number.parseInt(bits.join(''), 2).toString(16).padStart(2, '0');
    const image = greyImage(10, 8, (x) => level[x]!);
    assert.equal(differenceHash(image), row.repeat(8));
  });

  it('hardly moves when a picture is compressed again, and much for another picture', async () => {
    const scene = (seed: number): Promise<Buffer> => {
      const random = createRandom(seed);
      const patches = Array.from(
        { length: 60 },
        () =>
          `<circle cx="${random.int(320)}" cy="${random.int(240)}" r="${10 + random.int(40)}" ` +
          `fill="hsl(${random.int(360)},60%,${random.int(100)}%)"/>`,
      );
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">${patches.join('')}</svg>`;
      return sharp(Buffer.from(svg)).flatten().png().toBuffer();
    };
    const hash = async (picture: Buffer): Promise<string> => {
      const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
      return differenceHash({ width: info.width, height: info.height, data });
    };
    const one = await scene(1);
    const again = await sharp(one).resize(200, 150).jpeg({ quality: 60 }).toBuffer();
    assert.ok(hammingDistance(await hash(one), await hash(again)) <= 6);
    assert.ok(hammingDistance(await hash(one), await hash(await scene(2))) > 12);
  });

  it('hammingDistance counts differing bits', () => {
    assert.equal(hammingDistance('0000000000000000', 'ffffffffffffffff'), 64);
    assert.equal(hammingDistance('8000000000000001', '0000000000000000'), 2);
    assert.equal(hammingDistance('0123456789abcdef', '0123456789abcdef'), 0);
  });
});

describe('createRandom', () => {
  it('is the same sequence for the same seed, for ever', () => {
    const random = createRandom(42);
    // Recorded once: features cached by seed must stay what they are.
    assert.deepEqual(
      Array.from({ length: 4 }, () => Math.floor(random.next() * 2 ** 32)),
      [3893884377, 145076852, 3246010591, 4141225530],
    );
  });

  it('uses the upper bits of a seed too', () => {
    assert.notEqual(createRandom(1).next(), createRandom(1 + 2 ** 32).next());
  });

  it('is uniform: chi-square over 64 cells of 64,000 draws', () => {
    const random = createRandom(1);
    const cells = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) cells[random.int(64)]!++;
    const chiSquare = cells.reduce((sum, n) => sum + (n - 1_000) ** 2 / 1_000, 0);
    // 63 degrees of freedom: 99.9 % of all seeds lie below 103.4.
    assert.ok(chiSquare < 103.4, `chi-square ${chiSquare}`);
  });

  it('keeps to its ranges and refuses what is no seed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 1, max: 2 ** 32 }),
        (seed, n) => {
          const random = createRandom(seed);
          for (let i = 0; i < 20; i++) {
            const whole = random.int(n);
            assert.ok(Number.isInteger(whole) && whole >= 0 && whole < n);
            const real = random.uniform(-3, 2);
            assert.ok(real >= -3 && real < 2);
          }
        },
      ),
    );
    for (const seed of [-1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => createRandom(seed), RangeError);
    }
  });

  it('seedFrom depends on every part, its type and its place', () => {
    const seeds = [
      seedFrom(1, 'a', 2),
      seedFrom('1', 'a', 2),
      seedFrom(1, 2, 'a'),
      seedFrom(1, 'a2'),
      seedFrom(1, 'a'),
    ];
    assert.equal(new Set(seeds).size, seeds.length);
    assert.equal(seedFrom(1, 'a', 2), seeds[0]);
    assert.ok(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0));
  });
});
