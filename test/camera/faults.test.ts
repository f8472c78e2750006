import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { describe, it } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { pause } from '../../src/base/pause.js';
import { FfmpegDriver } from '../../src/camera/drivers/ffmpeg.js';
import type { CameraState } from '../../src/camera/supervisor.js';
import { freePort } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';
import { paintJpeg, pixelsIn } from './pictures.js';
import { every, httpCamera, makeVideo, pluggableCamera } from './sources.js';
import { cameraConfig, childrenNamed, makeJpeg, needsTool, watch } from './support.js';

/** Long enough that a busy machine opens a stream within it. */
const STALL_MS = 8_000;

function ffmpeg(input: string, section: Record<string, unknown> = {}): FfmpegDriver {
  const settings = { driver: 'ffmpeg' as const, input, framesPerSecond: 60, stallMs: STALL_MS };
  return new FfmpegDriver(cameraConfig({ ...settings, ...section }), silentLog());
}

/** Calls `send` so many times a second until the test ends. */
const codes = (states: CameraState[]) =>
  states.filter(({ phase }) => phase === 'waiting').map((state) => state.lastRestartReason?.code);

describe('a camera that fails', () => {
  it('is not restarted for being slow, as long as it is faster than the stall time', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const input = await httpCamera(t, (viewer) => {
      for (let i = 0; i < 20; i += 1) viewer.send(jpeg);
      every(t, 500, () => viewer.send(jpeg));
    });
    const { supervisor, frames, until } = watch(t, ffmpeg(input, { framesPerSecond: 1 }), {
      stallMs: STALL_MS,
    });
    await until(() => frames.length >= 5, 'five frames of a slow camera');
    assert.equal(supervisor.state().restarts, 0);
  });

  it('is plugged out and in again', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const port = await freePort();
    const plugIn = () =>
      pluggableCamera(t, (viewer) => every(t, 20, () => viewer.send(jpeg)), port);
    let camera = await plugIn();
    const { supervisor, frames, states, until } = watch(t, ffmpeg(camera.url), {
      stallMs: STALL_MS,
    });
    for (const round of [1, 2]) {
      await until(() => supervisor.state().phase === 'running', `frames, round ${round}`);
      camera.unplug();
      await until(() => supervisor.state().restarts >= 3 * round, 'attempts in vain');
      camera = await plugIn();
      const seen = frames.length;
      await until(() => frames.length > seen, 'frames after it was plugged in again');
    }
    assert.ok(codes(states).every((code) => code === 'HL_CAMERA_EXITED'));
  });

  it('is waited for when its device or file is not there yet, and once more', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const folder = temporaryFolder(t);
    const video = makeVideo(folder, 2, 20);
    const input = `${folder}/camera.mp4`;
    const { supervisor, frames, states, until } = watch(t, ffmpeg(input, { loop: true }), {
      stallMs: STALL_MS,
    });
    await until(() => supervisor.state().restarts >= 2, 'attempts without it');
    assert.equal(supervisor.state().lastRestartReason?.code, 'HL_CAMERA_DEVICE_MISSING');
    renameSync(video, input);
    await until(() => frames.length > 0, 'frames');
    renameSync(input, video);
    process.kill(childrenNamed('ffmpeg')[0]!, 'SIGKILL');
    const { restarts } = supervisor.state();
    await until(() => supervisor.state().restarts >= restarts + 3, 'attempts after it is gone');
    assert.equal(codes(states).at(-1), 'HL_CAMERA_DEVICE_MISSING');
    renameSync(video, input);
    const seen = frames.length;
    await until(() => frames.length > seen, 'frames after it is back');
  });

  it('changes its resolution in the middle of the stream, and the cut follows', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const sent = [
      await makeJpeg(1, { width: 320, height: 240 }),
      await makeJpeg(2, { width: 160, height: 120 }),
    ];
    let next = 0;
    const input = await httpCamera(t, (viewer) =>
      every(t, 20, () => viewer.send(sent[Math.floor(next++ / 20) % 2]!)),
    );
    const crop = { left: 0, top: 0, width: 0.5, height: 0.5 };
    const { supervisor, frames, until } = watch(t, ffmpeg(input), {
      stallMs: STALL_MS,
      pictures: { crop },
    });
    const widths = new Set<number>();
    let looked = 0;
    for (let tries = 0; tries < 400 && widths.size < 2; tries += 1) {
      await until(() => frames.length > looked, 'a frame');
      const { width, height } = await pixelsIn(frames[looked]!.jpeg);
      assert.equal(width * 3, height * 4);
      widths.add(width);
      looked += 1;
    }
    assert.deepEqual([...widths].sort(), [160, 80]);
    assert.equal(supervisor.state().restarts, 0);
  });

  it('sends half of every other picture: those are counted, the others are shown', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const whole = await makeJpeg(1, { width: 320, height: 240 });
    // Its markers are all there, so only decoding finds out that pixels are missing.
    const hollow = Buffer.concat([whole.subarray(0, whole.length / 2), Buffer.from([0xff, 0xd9])]);
    const sent = [whole, hollow, whole.subarray(0, whole.length / 2)];
    let next = 0;
    const input = await httpCamera(t, (viewer) =>
      every(t, 20, () => viewer.send(sent[next++ % sent.length]!)),
    );
    const masks = [
      [
        [0, 0],
        [0.1, 0],
        [0, 0.1],
      ],
    ];
    const { supervisor, frames, until } = watch(t, ffmpeg(input), {
      stallMs: STALL_MS,
      pictures: { masks },
    });
    await until(
      () => frames.length >= 5 && supervisor.state().invalidPictures >= 10,
      'frames and broken pictures',
    );
    assert.equal(supervisor.state().restarts, 0);
    for (const { jpeg } of frames.slice(0, 5)) assert.equal((await pixelsIn(jpeg)).width, 320);
  });

  it('shows nothing but still pictures, and is not taken for stalled', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const input = await httpCamera(t, (viewer) => every(t, 20, () => viewer.send(jpeg)));
    const onlyWhenMoving = { keepAliveMs: 3_600_000 };
    const stallMs = 2_000;
    const { supervisor, frames, until } = watch(t, ffmpeg(input), {
      stallMs,
      pictures: { onlyWhenMoving },
    });
    await until(() => frames.length > 0, 'the first frame');
    const { restarts } = supervisor.state();
    await pause(1.3 * stallMs);
    const state = supervisor.state();
    assert.equal(frames.length, 1);
    assert.ok(state.stillFrames > 10, `${state.stillFrames} left out`);
    assert.deepEqual([state.restarts, state.phase], [restarts, 'running']);
  });

  it('sends garbage, which is told from darkness', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const lit = await makeJpeg(1, { width: 320, height: 240 });
    const dark = await paintJpeg(320, 240, () => [2, 2, 2]);
    const half = lit.subarray(0, lit.length / 2);
    const quality = { intervalMs: 100 };
    for (const [sent, condition] of [
      [dark, 'dark'],
      [half, 'garbage'],
    ] as const) {
      const input = await httpCamera(t, (viewer) => every(t, 10, () => viewer.send(sent)));
      const { supervisor, until } = watch(t, ffmpeg(input), {
        stallMs: 3_000,
        pictures: { quality },
      });
      await until(() => supervisor.state().quality?.condition === condition, condition);
      assert.equal(supervisor.state().framesTotal > 0, condition === 'dark');
      await supervisor.stop();
    }
  });
});
