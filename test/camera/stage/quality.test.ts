import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { PictureMask } from '../../../src/camera/stage/picture-mask.js';
import { measureQuality } from '../../../src/camera/stage/quality.js';
import { type CameraQuality, QualityWatch } from '../../../src/camera/stage/quality-watch.js';
import { paintJpeg } from '../pictures.js';
import { makeJpeg, pictureSettings } from '../support.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 10_000_000 };

const NO_MASK = new PictureMask([]);
const measure = (picture: Uint8Array, mask = NO_MASK) => measureQuality(picture, mask, LIMITS);

/** A field of blotches, `light` times as bright: no two seeds are alike, all are sharp. */
function field(seed: number, light = 1): Promise<Uint8Array> {
  return paintJpeg(240, 180, (x, y) => {
    const leaf = (x * 7 + seed * 13) % 29 < 12 !== (y * 5 + seed * 3) % 23 < 11;
    const [r, g, b] = leaf ? [60, 150, 50] : [90, 60, 35];
    return [r * light, g * light, b * light].map((v) => Math.min(255, Math.round(v))) as never;
  });
}

const blurred = async (seed: number) =>
  sharp(await field(seed))
    .blur(5)
    .jpeg()
    .toBuffer();

describe('measureQuality', () => {
  it('measures brightness and colour', async () => {
    const grey = await measure(await paintJpeg(64, 64, () => [51, 51, 51]));
    assert.ok(Math.abs(grey.meanLuma - 0.2) < 0.01 && grey.saturation < 0.05);
    const red = await measure(await paintJpeg(64, 64, () => [255, 0, 0]));
    assert.ok(Math.abs(red.meanLuma - 0.299) < 0.02 && red.saturation > 0.95);
    assert.equal(red.overexposedShare, 0);
    const half = await measure(
      await paintJpeg(64, 64, (x) => (x < 32 ? [255, 255, 255] : [90, 90, 90])),
    );
    assert.ok(Math.abs(half.overexposedShare - 0.5) < 0.05);
  });

  it('tells sharp from blurred whatever the contrast', async () => {
    const sharpField = await measure(await field(1));
    const flat = await measure(
      await sharp(await field(1))
        .linear(0.4, 60)
        .jpeg()
        .toBuffer(),
    );
    const soft = await measure(await blurred(1));
    assert.ok(soft.sharpness < 0.2 * sharpField.sharpness);
    assert.ok(flat.sharpness > 0.5 * sharpField.sharpness);
  });

  it('leaves out what is masked', async () => {
    const masked = new PictureMask([
      [
        [0, 0],
        [0.5, 0],
        [0.5, 1],
        [0, 1],
      ],
    ]);
    const picture = await paintJpeg(64, 64, (x) => (x < 32 ? [0, 0, 0] : [200, 200, 200]));
    const { meanLuma, sharpness } = await measure(picture, masked);
    assert.ok(Math.abs(meanLuma - 200 / 255) < 0.02);
    assert.ok(sharpness < 2, `${sharpness}: the edge of the mask is no detail`);
  });
});

describe('QualityWatch', () => {
  interface Watched {
    watch: QualityWatch;
    reported: CameraQuality[];
    /** Shows pictures, a second apart; resolves to the condition after the last. */
    show(pictures: (Uint8Array | Promise<Uint8Array>)[]): Promise<CameraQuality['condition']>;
  }

  function watched(quality: Record<string, unknown> = {}): Watched {
    const reported: CameraQuality[] = [];
    const settings = pictureSettings({ quality: { intervalMs: 1_000, ...quality } }).quality;
    const watch = new QualityWatch(settings, NO_MASK, LIMITS, (q) => reported.push(q));
    let nowMs = 0;
    return {
      watch,
      reported,
      async show(pictures) {
        for (const picture of pictures) {
          nowMs += 1_000;
          await watch.observe(await picture, nowMs, nowMs);
        }
        return watch.quality?.condition ?? null;
      },
    };
  }

  const fields = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => field(from + i));
  const times = (count: number, picture: Promise<Uint8Array>) =>
    Array.from({ length: count }, () => picture);

  it('makes up its mind when three pictures agree', async () => {
    const { show, reported } = watched();
    assert.equal(await show(fields(2)), null);
    assert.equal(await show(fields(1)), 'good');
    assert.equal(await show([field(1, 0.01)]), 'good', 'one dark picture says nothing');
    assert.equal(await show([field(1, 0.01), field(2, 0.01)]), 'dark');
    assert.deepEqual(
      reported.map(({ condition }) => condition),
      ['good', 'dark'],
    );
  });

  it('tells dark, blown-out and undecodable pictures apart', async () => {
    const half = Promise.resolve((await field(1)).subarray(0, 1_500));
    const { show, watch } = watched();
    assert.equal(
      await show(
        times(
          3,
          paintJpeg(64, 48, () => [3, 3, 3]),
        ),
      ),
      'dark',
    );
    assert.equal(
      await show(
        times(
          3,
          paintJpeg(64, 48, () => [254, 254, 254]),
        ),
      ),
      'overexposed',
    );
    assert.equal(await show(times(3, half)), 'garbage');
    assert.equal(watch.quality?.measured, null);
    assert.equal(await show(fields(3)), 'good');
  });

  it('tells a lens that became dirty from what is usual for the camera', async () => {
    const { show, watch } = watched();
    assert.equal(await show(fields(12)), 'good');
    const usual = watch.quality!.usualSharpness!;
    assert.equal(await show([blurred(1), field(2), blurred(3)]), 'good', 'shaken once or twice');
    assert.equal(await show([blurred(4), blurred(5), blurred(6)]), 'blurred');
    await show(Array.from({ length: 30 }, (_, i) => blurred(i)));
    assert.equal(watch.quality?.condition, 'blurred', 'it does not become used to the dirt');
    const now = watch.quality!.usualSharpness!;
    assert.ok(Math.abs(now - usual) < 0.2 * usual);
    assert.equal(await show(fields(3)), 'good');
  });

  it('sees that nothing is sharp although it never saw better', async () => {
    const noise = await makeJpeg(1, { width: 240, height: 180 });
    const mud = sharp(noise).blur(20).jpeg().toBuffer();
    assert.equal(await watched().show(times(3, mud)), 'blurred');
    const defocused = paintJpeg(240, 180, (x, y) => {
      const light = Math.round(120 + 60 * Math.sin(x / 40) + 40 * Math.cos(y / 50));
      return [light, light, light];
    });
    assert.equal(await watched().show(times(3, defocused)), 'blurred');
  });

  it('looks again soon when something changed, else only when it is due', async () => {
    const reported: CameraQuality[] = [];
    const { quality } = pictureSettings({ quality: { intervalMs: 60_000 } });
    const watch = new QualityWatch(quality, NO_MASK, LIMITS, (q) => reported.push(q));
    const picture = await field(1);
    for (let nowMs = 0; nowMs <= 120_000; nowMs += 100) await watch.observe(picture, nowMs, nowMs);
    assert.deepEqual(
      reported.map(({ measuredAtMs }) => measuredAtMs),
      [2_000, 62_000],
    );
  });

  it('knows garbage at once from a run without one picture', () => {
    const { watch, reported } = watched();
    watch.sentGarbage(5_000, 1_000);
    assert.equal(watch.quality?.condition, 'garbage');
    assert.equal(reported.length, 1);
  });

  it('measures nothing when it is off', async () => {
    const { show, watch } = watched({ intervalMs: 0 });
    await show(fields(3));
    watch.sentGarbage(0, 0);
    assert.equal(watch.quality, null);
  });
});
