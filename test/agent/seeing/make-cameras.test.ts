import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { makeCameras } from '../../../src/agent/seeing/make-cameras.js';
import type { RunningCamera } from '../../../src/agent/view.js';
import type { HeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import type { Frame } from '../../../src/camera/camera.js';
import type { CameraQuality } from '../../../src/camera/stage/quality-watch.js';
import type { CameraPhase } from '../../../src/camera/supervisor.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder, recordedAlarms } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { robotConfig, writePhotos } from '../support.js';

/** The cameras of these sections, and everything that they report. */
function cameras(
  t: Parameters<typeof temporaryFolder>[0],
  sections: Record<string, unknown>[],
  settings: Record<string, unknown> = {},
) {
  const frames = new Recorder<Frame>();
  const states = new Recorder<CameraPhase[]>();
  const qualities = new Recorder<{ camera: string; quality: CameraQuality }>();
  const refused = new Recorder<{ frame: Frame; error: HeadlandError }>();
  const config = robotConfig(temporaryFolder(t), { cameras: sections, ...settings });
  const made: RunningCamera[] = makeCameras(config, silentLog(), recordedAlarms().alarms, {
    onState: () => states.add(made.map(({ supervisor }) => supervisor.state().phase)),
    onQuality: (camera, quality) => qualities.add({ camera, quality }),
    onRefused: (frame, error) => refused.add({ frame, error }),
  });
  t.after(() => Promise.all(made.map(({ supervisor }) => supervisor.stop())));
  const start = (): void => {
    for (const { supervisor } of made) supervisor.start(frames.add);
  };
  return { made, frames, states, qualities, refused, start };
}

describe('makeCameras', { timeout: TEST_HANG_MS }, () => {
  test('supervises one camera a section, each under its name, and opens none yet', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop', 'weed']);
    const replay = { driver: 'replay', path, intervalMs: 0, loop: false };
    const { made, frames, states, start } = cameras(t, [
      { ...replay, name: 'left' },
      { ...replay, name: 'right', crop: { left: 0.5, top: 0, width: 0.5, height: 1 } },
    ]);
    assert.deepEqual(
      made.map(({ config, supervisor }) => [config.name, supervisor.state().phase]),
      [
        ['left', 'stopped'],
        ['right', 'stopped'],
      ],
    );
    assert.deepEqual([frames.all, states.all], [[], []]);
    start();
    await states.until((phases) => phases.every((phase) => phase === 'ended'));
    for (const { name, pixels } of [
      { name: 'left', pixels: [48, 40] },
      { name: 'right', pixels: [24, 40] },
    ]) {
      const seen = frames.all.filter(({ camera }) => camera === name);
      assert.deepEqual(
        seen.map(({ sequence }) => sequence),
        [1, 2],
      );
      const { width, height } = await sharp(seen[0]!.jpeg).metadata();
      assert.deepEqual([width, height], pixels, 'each has its own cut');
    }
  });

  test('says by name what the pictures look like', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop']);
    const replay = { driver: 'replay', path, intervalMs: 0, quality: { intervalMs: 1 } };
    const { qualities, start } = cameras(t, [{ ...replay, name: 'front' }]);
    start();
    const { camera, quality } = await qualities.next();
    assert.deepEqual([camera, quality.condition], ['front', 'good']);
  });

  test('tells of a frame that was refused before perception could see it', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop']);
    writeFileSync(
      join(path, '001.jpg'),
      (await sharp(join(path, '000-crop.jpg')).toBuffer()).subarray(0, 300),
    );
    const masks = [
      [
        [0, 0],
        [1, 0],
        [1, 0.2],
      ],
    ];
    const replay = { driver: 'replay', path, intervalMs: 0, loop: false, masks };
    const { made, frames, refused, states, start } = cameras(t, [replay]);
    start();
    const { frame, error } = await refused.until(() => true);
    assert.deepEqual([frame.camera, frame.sequence, error.code], ['main', 2, 'HL_PICTURE_INVALID']);
    await states.until(([phase]) => phase === 'ended');
    assert.equal(made[0]!.supervisor.state().invalidPictures, 1);
    assert.deepEqual(
      frames.all.map(({ sequence }) => sequence),
      [1],
    );
  });

  test('holds pictures that have to be decoded against the limits of inference', async (t) => {
    const crop = { left: 0, top: 0, width: 0.5, height: 0.5 };
    const simulated = { driver: 'simulated', widthPixels: 128, heightPixels: 128, crop };
    const inference = { maxPicturePixels: 4_096 };
    const { refused, start } = cameras(t, [simulated], { inference });
    start();
    const { error } = await refused.until(() => true);
    assert.equal(error.code, 'HL_PICTURE_TOO_MANY_PIXELS');
  });

  test('puts frames that were captured close together into one group', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop', 'weed', 'stone']);
    const replay = { driver: 'replay', path, intervalMs: 0, loop: false };
    const samples = { groupWindowMs: 3_600_000 };
    const { frames, start } = cameras(t, [replay], { samples });
    start();
    const seen = await frames.count(3);
    assert.equal(new Set(seen.map(({ group }) => group)).size, 1);
    assert.match(String(seen[0]?.group), /main/);
  });

  test('draws a field where the section says so', async (t) => {
    const simulated = { driver: 'simulated', widthPixels: 64, heightPixels: 64, intervalMs: 0 };
    const { made, frames, start } = cameras(t, [simulated]);
    assert.match(made[0]!.supervisor.state().description, /no real camera/);
    start();
    const [frame] = await frames.count(1);
    assert.equal((await sharp(frame!.jpeg).metadata()).format, 'jpeg');
  });
});
