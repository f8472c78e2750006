import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { regionsOf } from '../../src/camera/stage/regions.js';
import { parseConfig } from '../../src/config/load.js';

const camera = (settings: string) => parseConfig(`cameras: [{${settings}}]`).cameras[0]!;

describe('settings of a camera', () => {
  it('hand pictures on untouched unless something else is asked for', () => {
    const { crop, masks, onlyWhenMoving, quality } = camera('driver: simulated');
    assert.deepEqual(
      { crop, masks, onlyWhenMoving },
      {
        crop: null,
        masks: [],
        onlyWhenMoving: null,
      },
    );
    assert.equal(quality.intervalMs, 30_000);
    assert.equal(camera('driver: auto, onlyWhenMoving: {}').onlyWhenMoving?.keepAliveMs, 10_000);
  });

  it('divide the image into named regions or a grid', () => {
    const half = { top: 0, width: 0.5, height: 1 };
    const regions = [
      { name: 'left', left: 0, ...half },
      { name: 'right', left: 0.5, ...half },
    ];
    assert.deepEqual(camera('driver: auto').regions, []);
    const named = camera(`driver: auto, regions: ${JSON.stringify(regions)}`);
    assert.deepEqual(named.regions, regions);
    const grid = camera('driver: auto, regions: {columns: 8, rows: 1}');
    assert.deepEqual(
      regionsOf(grid).map(({ name, left }) => [name, left]),
      Array.from({ length: 8 }, (_, i) => [String(i + 1), i / 8]),
    );
  });

  it('take a crop whose shares add up to one in decimal, not in binary', () => {
    const crop = { left: 0.1, top: 0.3, width: 0.9, height: 0.7 };
    assert.deepEqual(camera(`driver: auto, crop: ${JSON.stringify(crop)}`).crop, crop);
  });

  it('name what is wrong', () => {
    const whole = '{left: 0, top: 0, width: 1, height: 1}';
    for (const [settings, path] of [
      [`crop: ${whole.replace('left: 0', 'left: 0.2')}`, 'crop'],
      [`crop: ${whole.replace('top: 0', 'top: 0.2')}`, 'crop'],
      [`crop: ${whole.replace('width: 1', 'width: 640')}`, 'crop.width'],
      [`regions: [{name: left, ${whole.slice(1)}, {name: left, ${whole.slice(1)}]`, 'regions'],
      [`regions: [{name: "a/b", ${whole.slice(1)}]`, 'regions'],
      [`regions: [{name: a, ${whole.slice(1).replace('top: 0', 'top: 0.5')}]`, 'regions'],
      ['regions: {columns: 9, rows: 4}', 'regions'],
      ['regions: {columns: 2}', 'regions'],
      ['masks: [[[0, 0], [1, 1]]]', 'masks[0]'],
      ['masks: [[[0, 0], [640, 0], [0, 480]]]', 'masks[0][1][0]'],
      ['onlyWhenMoving: {keepAlive: 3}', 'onlyWhenMoving.keepAlive'],
      ['quality: {interval: 3}', 'quality.interval'],
      ['input: "rtsp://cam/1", exposureMicroseconds: 100', 'exposureMicroseconds'],
      ['input: field.mp4, v4l2Controls: {gain: 1}', 'v4l2Controls'],
      ['v4l2Controls: {"--all": 1}', 'v4l2Controls'],
    ]) {
      assert.throws(
        () => camera(`driver: ffmpeg, ${settings}`),
        (error) =>
          isHeadlandError(error, 'HL_CONFIG_INVALID') &&
          error.message.includes(`cameras[0].${path}`),
        settings,
      );
    }
  });
});
