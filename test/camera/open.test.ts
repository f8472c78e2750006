import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveCamera } from '../../src/agent/seeing/resolve-camera.js';
import { silentLog } from '../../src/base/log.js';
import { createDriver, findCameraDevices } from '../../src/camera/open-driver.js';
import { cameraConfig } from './support.js';
import { videoDevices } from './video-devices.js';

describe('findCameraDevices', () => {
  it('takes USB and virtual capture nodes by number, not metadata, codecs or sensors', (t) => {
    const places = videoDevices(t, {
      video10: { index: 0, bus: 'usb' },
      video2: { index: 0, bus: 'usb' },
      video3: { index: 1, bus: 'usb' },
      video0: { index: 0, bus: 'platform' },
      video7: { index: 0, bus: null },
    });
    const found = findCameraDevices(places).map((path) => path.slice(places.devDir.length + 1));
    assert.deepEqual(found, ['video2', 'video7', 'video10']);
  });
});

describe('createDriver', () => {
  it('makes the driver that the section names', () => {
    const descriptions = [
      cameraConfig({ driver: 'ffmpeg', input: '/dev/video1' }),
      cameraConfig({ driver: 'rpicam', cameraIndex: 1 }),
      cameraConfig({ driver: 'webcam', device: 'TEST:' }),
      cameraConfig({ driver: 'pipe', socket: '/run/headland/front.sock' }),
      cameraConfig({ driver: 'replay', path: '/photos' }),
      cameraConfig({ driver: 'simulated', seed: 3 }),
    ].map((config) => createDriver(resolveCamera(config), { log: silentLog() }).description);
    assert.deepEqual(descriptions, [
      'ffmpeg /dev/video1',
      'rpicam camera 1',
      'node-webcam TEST:',
      'pipe, socket /run/headland/front.sock',
      'replay /photos',
      'simulated field, seed 3 (no real camera)',
    ]);
  });
});
