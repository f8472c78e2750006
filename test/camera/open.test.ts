import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { resolveCamera } from '../../src/agent/seeing/resolve-camera.js';
import { silentLog } from '../../src/base/log.js';
import { createDriver, findCameraDevices } from '../../src/camera/open-driver.js';
import { cameraConfig, temporaryFolder } from './support.js';
import { PlaybackTools } from './tool.js';

interface Node {
  index: number;
  /** usb, platform, or null for a virtual device. */
  bus: string | null;
}

/** Folders as Linux shows them below /sys/class/video4linux and /dev. */
function board(t: TestContext, nodes: Record<string, Node>) {
  const root = temporaryFolder(t);
  const places = { sysDir: join(root, 'video4linux'), devDir: join(root, 'dev') };
  mkdirSync(places.devDir, { recursive: true });
  for (const [name, { index, bus }] of Object.entries(nodes)) {
    const directory = join(places.sysDir, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'index'), `${index}\n`);
    writeFileSync(join(places.devDir, name), '');
    if (!bus) continue;
    mkdirSync(join(directory, 'device'));
    mkdirSync(join(root, 'bus', bus), { recursive: true });
    symlinkSync(join(root, 'bus', bus), join(directory, 'device', 'subsystem'));
  }
  return places;
}

describe('findCameraDevices', () => {
  it('takes USB and virtual capture nodes by number, not metadata, codecs or sensors', (t) => {
    const places = board(t, {
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

describe('resolveCamera', () => {
  const auto = cameraConfig({ driver: 'auto', name: 'left', stallMs: 4_000 });

  it('turns auto into ffmpeg on the first camera, with name and stall time kept', (t) => {
    new PlaybackTools(t, { alone: true });
    const places = board(t, { video4: { index: 0, bus: 'usb' } });
    const resolved = resolveCamera(auto, places);
    const input = join(places.devDir, 'video4');
    assert.deepEqual(
      resolved,
      cameraConfig({ driver: 'ffmpeg', name: 'left', stallMs: 4_000, input }),
    );
  });

  it('turns auto into the simulation where there is no camera', (t) => {
    new PlaybackTools(t, { alone: true });
    const expected = cameraConfig({ driver: 'simulated', name: 'left', stallMs: 4_000 });
    assert.deepEqual(resolveCamera(auto, board(t, {})), expected);
    assert.deepEqual(
      resolveCamera(auto, board(t, { video0: { index: 0, bus: 'platform' } })),
      expected,
    );
  });

  it('leaves every other driver alone', () => {
    const config = cameraConfig({ driver: 'webcam', device: 'TEST:' });
    assert.equal(resolveCamera(config), config);
  });
});

describe('createDriver', () => {
  it('makes the driver that the section names', () => {
    const descriptions = [
      cameraConfig({ driver: 'ffmpeg', input: '/dev/video1' }),
      cameraConfig({ driver: 'rpicam', cameraIndex: 1 }),
      cameraConfig({ driver: 'webcam', device: 'TEST:' }),
      cameraConfig({ driver: 'replay', path: '/photos' }),
      cameraConfig({ driver: 'simulated', seed: 3 }),
    ].map((config) => createDriver(resolveCamera(config), { log: silentLog() }).description);
    assert.deepEqual(descriptions, [
      'ffmpeg /dev/video1',
      'rpicam camera 1',
      'node-webcam TEST:',
      'replay /photos',
      'simulated field, seed 3 (a drawing, no camera)',
    ]);
  });
});
