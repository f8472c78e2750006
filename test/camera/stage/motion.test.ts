import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { MotionGate } from '../../../src/camera/stage/motion.js';
import { PictureMask, type Polygon } from '../../../src/camera/stage/picture-mask.js';
import { paintJpeg } from '../pictures.js';
import { makeJpeg } from '../support.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 10_000_000 };

const KEEP_ALIVE_MS = 10_000;

function gate(polygons: Polygon[] = []): MotionGate {
  const settings = { pixelChange: 0.06, share: 0.01, keepAliveMs: KEEP_ALIVE_MS };
  return new MotionGate(settings, new PictureMask(polygons), LIMITS);
}

/** A textured field with a light square at (x, y), `light` times as bright. */
function scene(x: number, y = 100, light = 1): Promise<Uint8Array> {
  return paintJpeg(320, 240, (px, py) => {
    const soil = 80 + 20 * Math.sin(px / 7) + 20 * Math.cos(py / 9);
    const plant = px >= x && px < x + 40 && py >= y && py < y + 40 ? 80 : 0;
    const value = Math.min(255, Math.round(light * (soil + plant)));
    return [value, value, value];
  });
}

describe('MotionGate', () => {
  it('shows the first picture and leaves out what shows the same', async () => {
    const motion = gate();
    assert.equal(await motion.passes(await scene(100), 1_000), true);
    assert.equal(await motion.passes(await scene(100), 1_100), false);
    assert.equal(await motion.passes(await scene(220), 1_200), true);
    assert.equal(await motion.passes(await scene(220), 1_300), false);
  });

  it('shows a still scene again after the keep-alive time', async () => {
    const motion = gate();
    const still = await scene(100);
    await motion.passes(still, 1_000);
    assert.equal(await motion.passes(still, 999 + KEEP_ALIVE_MS), false);
    assert.equal(await motion.passes(still, 1_000 + KEEP_ALIVE_MS), true);
    assert.equal(await motion.passes(still, 1_001 + KEEP_ALIVE_MS), false);
  });

  it('adds slow movement up instead of never seeing it', async () => {
    const motion = gate();
    await motion.passes(await scene(100), 0);
    const seen: boolean[] = [];
    for (let step = 1; step <= 20; step += 1) {
      seen.push(await motion.passes(await scene(100 + step), step));
    }
    assert.equal(seen[0], false, 'one pixel is nothing yet');
    assert.ok(seen.includes(true), 'twenty are');
  });

  it('takes a cloud for what it is', async () => {
    const motion = gate();
    await motion.passes(await scene(100), 0);
    assert.equal(await motion.passes(await scene(100, 100, 0.85), 1), false);
  });

  it('does not look at what is masked', async () => {
    const motion = gate([
      [
        [0, 0.3],
        [1, 0.3],
        [1, 0.7],
        [0, 0.7],
      ],
    ]);
    await motion.passes(await scene(100), 0);
    assert.equal(await motion.passes(await scene(220), 1), false);
    assert.equal(await motion.passes(await scene(220, 190), 2), true);
  });

  it('refuses what is no whole picture', async () => {
    const half = (await makeJpeg(1)).subarray(0, 600);
    await assert.rejects(gate().passes(half, 0), (error) =>
      isHeadlandError(error, 'HL_PICTURE_INVALID'),
    );
  });
});
