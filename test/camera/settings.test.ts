import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { parseConfig } from '../../src/config/load.js';

const camera = (settings: string) => parseConfig(`cameras: [{${settings}}]`).cameras[0]!;

describe('settings of a camera', () => {
  it('hand pictures on untouched unless something else is asked for', () => {
    const { region, masks, onlyWhenMoving, quality } = camera('driver: simulated');
    assert.deepEqual(
      { region, masks, onlyWhenMoving },
      {
        region: null,
        masks: [],
        onlyWhenMoving: null,
      },
    );
    assert.equal(quality.intervalMs, 30_000);
    assert.equal(camera('driver: auto, onlyWhenMoving: {}').onlyWhenMoving?.keepAliveMs, 10_000);
  });

  it('take a region whose shares add up to one in decimal, not in binary', () => {
    const region = { left: 0.1, top: 0.3, width: 0.9, height: 0.7 };
    assert.deepEqual(camera(`driver: auto, region: ${JSON.stringify(region)}`).region, region);
  });

  it('name what is wrong', () => {
    const whole = '{left: 0, top: 0, width: 1, height: 1}';
    for (const [settings, path] of [
      [`region: ${whole.replace('left: 0', 'left: 0.2')}`, 'region'],
      [`region: ${whole.replace('top: 0', 'top: 0.2')}`, 'region'],
      [`region: ${whole.replace('width: 1', 'width: 640')}`, 'region.width'],
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
