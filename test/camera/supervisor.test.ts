import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { HeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import type { CameraDriver } from '../../src/camera/camera.js';
import { FfmpegDriver } from '../../src/camera/drivers/ffmpeg.js';
import { ReplayDriver } from '../../src/camera/drivers/replay.js';
import { CameraSupervisor } from '../../src/camera/supervisor.js';
import { freePort } from '../ports.js';
import { Recorder, recordedAlarms } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { every, httpCamera, makeVideo, pluggableCamera } from './sources.js';
import {
  cameraConfig,
  childrenNamed,
  makeJpeg,
  needsTool,
  pictureSettings,
  watch,
} from './support.js';
import { withPath } from './tool.js';

function endlessVideo(folder: string, stallMs = 20_000): FfmpegDriver {
  const input = makeVideo(folder, 2, 20);
  const section = { driver: 'ffmpeg' as const, input, loop: true, framesPerSecond: 20, stallMs };
  return new FfmpegDriver(cameraConfig(section), silentLog());
}

describe('CameraSupervisor with ffmpeg', () => {
  it('numbers, times and groups the pictures', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { frames, supervisor, until } = watch(t, endlessVideo(temporaryFolder(t)));
    await until(() => frames.length >= 3, 'three frames');
    assert.deepEqual(
      frames.slice(0, 3).map((frame) => [frame.camera, frame.sequence]),
      [
        ['front', 1],
        ['front', 2],
        ['front', 3],
      ],
    );
    assert.match(frames[0]!.group!, /^front-\d{8}T\d{6}\.\d{3}Z$/);
    assert.equal(frames[1]!.group, frames[0]!.group);
    assert.ok(Math.abs(Date.now() - frames[0]!.capturedAtMs) < 60_000);
    const state = supervisor.state();
    assert.equal(state.phase, 'running');
    assert.equal(state.lastRestartReason, null);
    assert.ok(Math.abs(state.lastFrameAtMs! - frames.at(-1)!.capturedAtMs) < 60_000);
  });

  it('opens a killed ffmpeg again and says why', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { frames, supervisor, states, until } = watch(t, endlessVideo(temporaryFolder(t)));
    for (const restarts of [1, 2]) {
      await until(() => supervisor.state().phase === 'running', 'frames');
      const [child] = childrenNamed('ffmpeg');
      process.kill(child!, 'SIGKILL');
      await until(() => supervisor.state().restarts === restarts, 'a restart');
      const seen = frames.length;
      await until(() => frames.length > seen, 'a frame after the restart');
    }
    const reason = supervisor.state().lastRestartReason!;
    assert.equal(reason.code, 'HL_CAMERA_EXITED');
    assert.match(reason.message, /SIGKILL/);
    const phases = states.map((state) => state.phase);
    assert.deepEqual(phases.slice(0, 5), ['opening', 'running', 'waiting', 'opening', 'running']);
    const sequences = frames.map((frame) => frame.sequence);
    assert.deepEqual(
      sequences,
      sequences.map((_, i) => i + 1),
    );
  });

  it('ends a stopped (SIGSTOP) ffmpeg after the stall time and opens a new one', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { frames, supervisor, until } = watch(t, endlessVideo(temporaryFolder(t)), {
      stallMs: 3_000,
    });
    await until(() => frames.length > 3, 'frames');
    const { restarts } = supervisor.state();
    const [child] = childrenNamed('ffmpeg');
    process.kill(child!, 'SIGSTOP');
    await until(() => supervisor.state().restarts > restarts, 'a restart');
    assert.equal(supervisor.state().lastRestartReason!.code, 'HL_CAMERA_STALLED');
    assert.ok(!childrenNamed('ffmpeg').includes(child!), 'the old one is gone');
    const seen = frames.length;
    await until(() => frames.length > seen, 'a frame after the restart');
  });

  it('stops without leaving a process, even a stopped one', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { frames, supervisor, until } = watch(t, endlessVideo(temporaryFolder(t)));
    await until(() => frames.length > 0, 'a frame');
    process.kill(childrenNamed('ffmpeg')[0]!, 'SIGSTOP');
    await supervisor.stop();
    assert.deepEqual(childrenNamed('ffmpeg'), []);
    assert.equal(supervisor.state().phase, 'stopped');
    const seen = frames.length;
    await turn();
    assert.equal(frames.length, seen);
    await supervisor.stop();
  });

  it('marks the next picture, and no other, when somebody asks for it', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { frames, supervisor, until } = watch(t, endlessVideo(temporaryFolder(t)));
    await until(() => frames.length >= 2, 'frames');
    const before = frames.length;
    supervisor.requestPicture();
    await until(() => frames.length >= before + 3, 'more frames');
    const requested = frames.flatMap(({ requested }, index) => (requested ? [index] : []));
    assert.deepEqual(requested, [before]);
  });

  it('does not start a finished file again', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = makeVideo(temporaryFolder(t), 1, 10);
    const config = cameraConfig({ driver: 'ffmpeg', input, realTime: false });
    const { frames, supervisor, until } = watch(t, new FfmpegDriver(config, silentLog()));
    await until(() => supervisor.state().phase === 'ended', 'the end');
    assert.equal(frames.length, 10);
    assert.equal(supervisor.state().restarts, 0);
  });

  it('raises an alarm while the camera gives no picture, not when it only drops now and then', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const port = await freePort();
    const { alarms, said } = recordedAlarms();
    const input = `http://127.0.0.1:${port}/video`;
    const driver = new FfmpegDriver(cameraConfig({ driver: 'ffmpeg', input }), silentLog());
    const { supervisor, frames, until } = watch(t, driver, { alarms });
    await until(() => said.length === 1, 'an alarm');
    await until(() => supervisor.state().restarts > 2, 'more attempts');
    const camera = await pluggableCamera(
      t,
      (viewer) => {
        for (let count = 0; count < 20; count += 1) viewer.send(jpeg);
        setTimeout(() => viewer.end(), 500);
      },
      port,
    );
    await until(() => said.length === 2, 'its end');
    const { restarts } = supervisor.state();
    await until(() => supervisor.state().restarts > restarts + 1, 'dropped connections');
    assert.ok(frames.length > 0);
    assert.deepEqual(said, [
      'raised camera-front critical HL_CAMERA_EXITED',
      'cleared camera-front',
    ]);
    camera.unplug();
    await until(() => said.length === 3, 'an alarm again');
  });

  it('recovers when a network camera hangs up, falls silent and comes back', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    let viewers = 0;
    let hangUp = (): void => {};
    const input = await httpCamera(t, (viewer) => {
      viewers += 1;
      for (let i = 0; i < 30; i += 1) viewer.send(jpeg);
      // The first hangs up, the second falls silent in the middle of a picture, the third goes on.
      if (viewers === 1) hangUp = () => viewer.end();
      else if (viewers === 2) viewer.send(jpeg.subarray(0, 500), jpeg.length);
      else every(t, 20, () => viewer.send(jpeg));
    });
    const config = cameraConfig({ driver: 'ffmpeg', input, framesPerSecond: 60, stallMs: 4_000 });
    const { supervisor, states, frames, until } = watch(t, new FfmpegDriver(config, silentLog()), {
      stallMs: 4_000,
    });
    await until(() => frames.length > 0, 'a picture for the first viewer');
    hangUp();
    await until(() => viewers >= 3 && supervisor.state().phase === 'running', 'the third viewer');
    const codes = states
      .filter((state) => state.phase === 'waiting')
      .map((state) => state.lastRestartReason!.code);
    assert.deepEqual(codes, ['HL_CAMERA_EXITED', 'HL_CAMERA_STALLED']);
  });

  it('tells a camera that sends garbage from one that is silent', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const half = jpeg.subarray(0, jpeg.length / 2);
    const input = await httpCamera(t, (viewer) => every(t, 10, () => viewer.send(half)));
    const config = cameraConfig({ driver: 'ffmpeg', input, framesPerSecond: 60 });
    const { supervisor, until } = watch(t, new FfmpegDriver(config, silentLog()), {
      stallMs: 3_000,
    });
    // On a busy machine an attempt may end before the first bytes arrive.
    const code = () => supervisor.state().lastRestartReason?.code;
    await until(() => code() === 'HL_CAMERA_GARBAGE', 'a restart because of garbage');
    assert.ok(supervisor.state().invalidPictures > 0);
  });

  it('keeps trying when the tool is missing', async (t) => {
    withPath(t, temporaryFolder(t));
    const driver = new FfmpegDriver(cameraConfig({ driver: 'ffmpeg' }), silentLog());
    const { supervisor, until } = watch(t, driver);
    await until(() => supervisor.state().restarts >= 3, 'three restarts');
    assert.equal(supervisor.state().lastRestartReason!.code, 'HL_CAMERA_TOOL_MISSING');
  });
});

describe('CameraSupervisor', () => {
  async function photos(t: TestContext, count: number): Promise<string> {
    const folder = temporaryFolder(t);
    for (let i = 0; i < count; i += 1) {
      writeFileSync(join(folder, `photo-${i}.jpg`), await makeJpeg(i));
    }
    return folder;
  }

  it('waits with the watchdog while a file-like source waits for its receiver', async (t) => {
    const section = { driver: 'replay' as const, path: await photos(t, 2), intervalMs: 0 };
    const driver = new ReplayDriver(cameraConfig({ ...section, loop: false }), silentLog());
    const { supervisor, frames, until } = watch(t, driver, {
      stallMs: 500,
      onFrame: () => new Promise((resolve) => setTimeout(resolve, 1_500)),
    });
    await until(() => supervisor.state().phase === 'ended', 'the end');
    assert.equal(frames.length, 2);
    assert.equal(supervisor.state().lastRestartReason, null);
    assert.equal(supervisor.state().restarts, 0);
  });

  it('allows for the pace of a slow source', async (t) => {
    const section = { driver: 'replay' as const, path: await photos(t, 2), intervalMs: 600 };
    const driver = new ReplayDriver(cameraConfig({ ...section, loop: false }), silentLog());
    const { supervisor, until } = watch(t, driver, { stallMs: 200 });
    await until(() => supervisor.state().phase === 'ended', 'the end');
    assert.equal(supervisor.state().restarts, 0);
  });

  it('lives on when the receiver fails', async (t) => {
    const section = { driver: 'replay' as const, path: await photos(t, 3), intervalMs: 0 };
    const driver = new ReplayDriver(cameraConfig({ ...section, loop: false }), silentLog());
    const { supervisor, frames, until } = watch(t, driver, {
      onFrame: (frame) => {
        if (frame.sequence === 1) throw new Error('full');
        return Promise.reject(new Error('fuller'));
      },
    });
    await until(() => supervisor.state().phase === 'ended', 'the end');
    assert.equal(frames.length, 3);
  });

  it('lengthens the pause with each failure and shortens it after a healthy run', async (t) => {
    let runs = 0;
    const driver: CameraDriver = {
      description: 'fails, but shows a few pictures in its fourth run',
      async capture(onPicture) {
        runs += 1;
        for (let i = 0; runs === 4 && i < 6; i += 1) {
          onPicture({ jpeg: new Uint8Array() });
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
        throw new HeadlandError('HL_CAMERA_EXITED', `run ${runs}`, { remedy: 'None.' });
      },
    };
    const pauses = new Recorder<number>();
    const log = pino({ level: 'warn' }, { write: (line) => pauses.add(JSON.parse(line).delayMs) });
    const supervisor = new CameraSupervisor(driver, {
      name: 'front',
      stallMs: 1_000,
      backoff: { initialMs: 10, maxMs: 1_000 },
      groupWindowMs: 1_000,
      pictures: pictureSettings(),
      pictureLimits: { maxBytes: 8_388_608, maxPixels: 50_000_000 },
      log,
      random: () => 0.999_999,
    });
    supervisor.start(() => {});
    t.after(() => supervisor.stop());
    assert.deepEqual(await pauses.count(5, 'pauses'), [10, 20, 40, 10, 20]);
  });

  it('is started once', async (t) => {
    const section = { driver: 'replay' as const, path: await photos(t, 1) };
    const { supervisor } = watch(t, new ReplayDriver(cameraConfig(section), silentLog()));
    assert.throws(() => supervisor.start(() => {}), /already started/);
  });
});
