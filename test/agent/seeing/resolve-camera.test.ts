import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { resolveCamera } from '../../../src/agent/seeing/resolve-camera.js';
import { cameraConfig } from '../../camera/support.js';
import { PlaybackTools } from '../../camera/tool.js';
import { videoDevices } from '../../camera/video-devices.js';

describe('resolveCamera', () => {
  const auto = cameraConfig({ driver: 'auto', name: 'left', stallMs: 4_000 });

  test('turns auto into ffmpeg on the first camera, with name and stall time kept', (t) => {
    new PlaybackTools(t, { alone: true });
    const places = videoDevices(t, { video4: { index: 0, bus: 'usb' } });
    const resolved = resolveCamera(auto, places);
    const input = join(places.devDir, 'video4');
    assert.deepEqual(
      resolved,
      cameraConfig({ driver: 'ffmpeg', name: 'left', stallMs: 4_000, input }),
    );
  });

  test('turns auto into the simulation where there is no camera', (t) => {
    new PlaybackTools(t, { alone: true });
    const expected = cameraConfig({ driver: 'simulated', name: 'left', stallMs: 4_000 });
    assert.deepEqual(resolveCamera(auto, videoDevices(t, {})), expected);
    assert.deepEqual(
      resolveCamera(auto, videoDevices(t, { video0: { index: 0, bus: 'platform' } })),
      expected,
    );
  });

  test('leaves every other driver alone', () => {
    const config = cameraConfig({ driver: 'webcam', device: 'TEST:' });
    assert.equal(resolveCamera(config), config);
  });

  test('looks at this machine when no other places are named', () => {
    const { driver } = resolveCamera(auto);
    assert.ok(['rpicam', 'ffmpeg', 'simulated'].includes(driver), driver);
  });

  test('keeps what the section says of pictures', (t) => {
    new PlaybackTools(t, { alone: true });
    const section = cameraConfig({
      driver: 'auto',
      crop: { left: 0.25, top: 0, width: 0.5, height: 1 },
      quality: { intervalMs: 0 },
    });
    const { crop, quality } = resolveCamera(section, videoDevices(t, {}));
    assert.deepEqual([crop, quality], [section.crop, section.quality]);
  });
});
