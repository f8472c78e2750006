import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { resolveCamera } from '../../../src/agent/seeing/resolve-camera.js';
import { type HeadlandError, isHeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import type { CapturedPicture } from '../../../src/camera/camera.js';
import { csiCamerasIn, RpicamDriver } from '../../../src/camera/drivers/rpicam.js';
import { rpicamArguments } from '../../../src/camera/drivers/rpicam-arguments.js';
import { CameraSupervisor } from '../../../src/camera/supervisor.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { cameraConfig, childrenNamed, makeJpeg, pictureSettings, until } from '../support.js';
import { fixture, type Playback, PlaybackTools } from '../tool.js';

const config = (section: Record<string, unknown> = {}) =>
  cameraConfig({ driver: 'rpicam', ...section });

function playback(t: TestContext, does: Playback, command = 'rpicam-vid'): PlaybackTools {
  const tools = new PlaybackTools(t);
  tools.install(command, [{ arguments: '*', does }]);
  return tools;
}

async function failureOf(does: Playback, t: TestContext): Promise<HeadlandError> {
  playback(t, does);
  try {
    await new RpicamDriver(config()).capture(() => {}, new AbortController().signal);
  } catch (error) {
    assert.ok(isHeadlandError(error));
    return error;
  }
  throw new Error('the driver did not fail');
}

async function pictures(count: number): Promise<Uint8Array[]> {
  return Promise.all(Array.from({ length: count }, (_, seed) => makeJpeg(seed)));
}

describe('rpicamArguments', () => {
  it('asks for MJPEG on standard output, without a preview, without an end', () => {
    assert.equal(
      rpicamArguments(config({ cameraIndex: 1, widthPixels: 1280, heightPixels: 720 })).join(' '),
      '--nopreview --timeout 0 --camera 1 --codec mjpeg --quality 90 --width 1280 --height 720 ' +
        '--framerate 10 --flush --output -',
    );
  });

  it('sets exposure, gain, focus and the way up only where they are configured', () => {
    const line = rpicamArguments(
      config({
        exposureMicroseconds: 4_000,
        gain: 2.5,
        exposureCompensation: -0.5,
        lensPosition: 3.3,
        rotationDegrees: 180,
        horizontalFlip: true,
        verticalFlip: true,
      }),
    ).join(' ');
    assert.match(line, / --shutter 4000 --gain 2\.5 --ev=-0\.5 /);
    assert.match(line, / --autofocus-mode manual --lens-position 3\.3 /);
    assert.match(line, / --rotation 180 --hflip --vflip /);
  });
});

describe('RpicamDriver on published transcripts', () => {
  it('delivers the pictures of a running camera and ends it when stopped', async (t) => {
    const sent = await pictures(4);
    const stdout = Buffer.concat(sent);
    const tools = playback(t, { stderr: fixture('rpicam/running.stderr.txt'), stdout, exit: null });
    const seen: CapturedPicture[] = [];
    const stop = new AbortController();
    const driver = new RpicamDriver(config({ framesPerSecond: 120 }));
    const captured = driver.capture((picture) => seen.push(picture), stop.signal);
    await until(() => seen.length > 0 && childrenNamed('sleep').length === 1, 'pictures');
    stop.abort();
    await captured;
    assert.deepEqual(Buffer.from(seen[0]!.jpeg), Buffer.from(sent[0]!));
    assert.equal(driver.invalidPictures, 0);
    assert.deepEqual(childrenNamed('sleep'), []);
    assert.match(tools.runs('rpicam-vid')[0]!, /^--nopreview .* --output -$/);
  });

  it('is content with libcamera-vid, as the tool was called before', async (t) => {
    const tools = new PlaybackTools(t, { alone: true });
    const does = { stdout: (await pictures(1))[0]!, exit: null };
    tools.install('libcamera-vid', [{ arguments: '*', does }]);
    const stop = new AbortController();
    let seen = 0;
    await new RpicamDriver(config()).capture(() => {
      seen += 1;
      stop.abort();
    }, stop.signal);
    assert.equal(seen, 1);
  });

  it('counts a picture that is cut off', async (t) => {
    const [whole, other] = await pictures(2);
    const stdout = Buffer.concat([whole!.subarray(0, whole!.length / 2), other!]);
    playback(t, { stdout, exit: 0 });
    const driver = new RpicamDriver(config());
    let seen = 0;
    const captured = driver.capture(() => (seen += 1), new AbortController().signal);
    await assert.rejects(captured, (error) => isHeadlandError(error, 'HL_CAMERA_EXITED'));
    assert.deepEqual([seen, driver.invalidPictures], [1, 1]);
  });

  it('says that there is no camera', async (t) => {
    const stderr = fixture('rpicam/no-camera.stderr.txt');
    assert.equal((await failureOf({ stderr, exit: 255 }, t)).code, 'HL_CAMERA_DEVICE_MISSING');
  });

  for (const name of ['in-use', 'legacy-busy']) {
    it(`says that another program has the camera (${name})`, async (t) => {
      const stderr = fixture(`rpicam/${name}.stderr.txt`);
      assert.equal((await failureOf({ stderr, exit: 255 }, t)).code, 'HL_CAMERA_DEVICE_BUSY');
    });
  }

  it('repeats what an unknown failure said, without the lines of progress', async (t) => {
    const stderr = 'ERROR: *** unrecognised codec ***\n#0 (0.00 fps) exp 9998.00 ag 1.00 dg 1.00\n';
    const { code, message, details } = await failureOf({ stderr, exit: 255 }, t);
    assert.equal(code, 'HL_CAMERA_EXITED');
    assert.match(message, /unrecognised codec/);
    assert.deepEqual(details.lastLines, ['ERROR: *** unrecognised codec ***']);
  });

  it('names the package when neither tool is installed', async (t) => {
    new PlaybackTools(t, { alone: true });
    await assert.rejects(
      new RpicamDriver(config()).capture(() => {}, new AbortController().signal),
      (error) =>
        isHeadlandError(error, 'HL_CAMERA_TOOL_MISSING') && /rpicam-apps/.test(error.remedy),
    );
  });

  it('is ended and started again when a loose cable makes it hang', async (t) => {
    const stdout = Buffer.concat(await pictures(1));
    const tools = playback(t, {
      stderr: fixture('rpicam/timed-out.stderr.txt'),
      stdout,
      exit: null,
    });
    const supervisor = new CameraSupervisor(new RpicamDriver(config()), {
      name: 'front',
      stallMs: 400,
      backoff: { initialMs: 10, maxMs: 20 },
      groupWindowMs: 1_000,
      pictures: pictureSettings(),
      pictureLimits: { maxBytes: 8_388_608, maxPixels: 1_000_000 },
      log: silentLog(),
    });
    t.after(() => supervisor.stop());
    supervisor.start(() => {});
    await until(() => tools.runs('rpicam-vid').length >= 3, 'two restarts');
    assert.equal(supervisor.state().lastRestartReason?.code, 'HL_CAMERA_STALLED');
    await supervisor.stop();
    assert.deepEqual(childrenNamed('sleep'), []);
  });
});

describe('CSI cameras for auto', () => {
  it('are those of the listing that hang on no USB', () => {
    assert.deepEqual(csiCamerasIn(fixture('rpicam/list-csi.stdout.txt')), [0]);
    assert.deepEqual(csiCamerasIn(fixture('rpicam/list-csi-usb.stdout.txt')), [0]);
    assert.deepEqual(csiCamerasIn(fixture('rpicam/list-none.stdout.txt')), []);
  });

  it('come before any other camera, with the settings of the section', (t) => {
    const stdout = fixture('rpicam/list-csi.stdout.txt');
    playback(t, { stdout, exit: 0 });
    const auto = cameraConfig({
      driver: 'auto',
      name: 'left',
      masks: [
        [
          [0, 0],
          [1, 0],
          [1, 1],
        ],
      ],
    });
    const { driver: _auto, ...shared } = auto;
    assert.deepEqual(resolveCamera(auto), cameraConfig({ driver: 'rpicam', ...shared }));
  });

  it('are passed over when none is listed', (t) => {
    playback(t, { stdout: fixture('rpicam/list-none.stdout.txt'), exit: 0 });
    const folder = temporaryFolder(t);
    const places = { sysDir: join(folder, 'sys'), devDir: folder };
    assert.equal(resolveCamera(cameraConfig({ driver: 'auto' }), places).driver, 'simulated');
  });
});
