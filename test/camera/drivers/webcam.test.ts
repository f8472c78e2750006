import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { isHeadlandError } from '../../../src/base/errors.js';
import { WebcamDriver } from '../../../src/camera/drivers/webcam.js';
import { temporaryFolder } from '../../temporary-folder.js';
import {
  cameraConfig,
  childrenNamed,
  collect,
  makeJpeg,
  needsTool,
  sizeOf,
  until,
} from '../support.js';

function open(section: Record<string, unknown>): WebcamDriver {
  return new WebcamDriver(cameraConfig({ driver: 'webcam', intervalMs: 100, ...section }));
}

/** The driver's private folders go here, so that what it leaves behind can be seen. */
function ownTemporaryFolder(t: TestContext): string {
  const folder = temporaryFolder(t);
  setEnvironment(t, 'TMPDIR', folder);
  return folder;
}

function setEnvironment(t: TestContext, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

/** Puts a script in the place of fswebcam. */
function replaceFswebcam(t: TestContext, lines: string[]): void {
  const folder = join(temporaryFolder(t), 'bin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'fswebcam'), ['#!/bin/sh', ...lines].join('\n'));
  chmodSync(join(folder, 'fswebcam'), 0o755);
  setEnvironment(t, 'PATH', `${folder}:${process.env.PATH}`);
}

describe('WebcamDriver with fswebcam', () => {
  it('takes pictures without the banner, date and time of fswebcam', async (t) => {
    if (!needsTool(t, 'fswebcam')) return;
    const [shot] = await collect(open({ device: 'TEST:' }), 1);
    const file = join(temporaryFolder(t), 'shot.jpg');
    const taken = (...options: string[]): Promise<Buffer> => {
      const all = ['-q', '-r', '640x480', '-d', 'TEST:', '--skip', '3', '--jpeg', '95', ...options];
      assert.equal(spawnSync('fswebcam', [...all, file]).status, 0);
      return strip(readFileSync(file));
    };
    /** Where the banner would be: the lowest twentieth. */
    const strip = (jpeg: Uint8Array): Promise<Buffer> =>
      sharp(jpeg).extract({ left: 0, top: 456, width: 640, height: 24 }).raw().toBuffer();
    const difference = (one: Buffer, other: Buffer): number =>
      one.reduce((sum, value, at) => sum + Math.abs(value - other[at]!), 0) / one.length;
    const ours = await strip(shot!.jpeg);
    assert.ok(difference(ours, await taken('--no-banner')) < 1);
    assert.ok(difference(ours, await taken()) > 10, 'a banner would show');
  });

  it('takes pictures of the test card, in the configured size, and cleans up', async (t) => {
    if (!needsTool(t, 'fswebcam')) return;
    const folder = ownTemporaryFolder(t);
    const before = Date.now();
    const pictures = await collect(
      open({ device: 'TEST:', widthPixels: 320, heightPixels: 240 }),
      2,
    );
    assert.equal(pictures.length, 2);
    assert.deepEqual(await sizeOf(pictures[1]!.jpeg), { width: 320, height: 240 });
    assert.ok(pictures[0]!.capturedAtMs! >= before);
    assert.ok(pictures[1]!.capturedAtMs! > pictures[0]!.capturedAtMs!);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('takes its picture from a file', async (t) => {
    if (!needsTool(t, 'fswebcam')) return;
    const path = join(temporaryFolder(t), 'field.jpg');
    writeFileSync(path, await makeJpeg(1, { width: 200, height: 100 }));
    const [picture] = await collect(
      open({ device: `FILE:${path}`, widthPixels: 200, heightPixels: 100 }),
      1,
    );
    assert.deepEqual(await sizeOf(picture!.jpeg), { width: 200, height: 100 });
  });

  it('names a device that is not there', async (t) => {
    if (!needsTool(t, 'fswebcam')) return;
    if (existsSync('/dev/video99')) return t.skip('this machine has a /dev/video99');
    const folder = ownTemporaryFolder(t);
    for (const device of ['/dev/video99', 'FILE:/nowhere/field.jpg']) {
      await assert.rejects(collect(open({ device }), 1), (error) =>
        isHeadlandError(error, 'HL_CAMERA_DEVICE_MISSING'),
      );
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it('names the package when fswebcam is not installed', async (t) => {
    setEnvironment(t, 'PATH', temporaryFolder(t));
    await assert.rejects(collect(open({ device: 'TEST:' }), 1), (error) => {
      assert.ok(isHeadlandError(error, 'HL_CAMERA_TOOL_MISSING'));
      assert.match(error.remedy, /apt-get install fswebcam/);
      return true;
    });
  });
});

describe('WebcamDriver against bad tools and devices', () => {
  it('refuses a device that a shell would read otherwise', () => {
    for (const device of ['x; rm -rf ~', '/dev/video0 --exec id', 'FILE:$(id)', 'FILE:a b', '']) {
      const config = { ...cameraConfig({ driver: 'webcam' }), device };
      assert.throws(
        () => new WebcamDriver(config),
        (error) => isHeadlandError(error, 'HL_INTERNAL'),
      );
    }
  });

  it('refuses a temporary directory that a shell would read otherwise', async (t) => {
    const folder = join(temporaryFolder(t), 'a b');
    mkdirSync(folder);
    setEnvironment(t, 'TMPDIR', folder);
    await assert.rejects(collect(open({ device: 'TEST:' }), 1), (error) =>
      isHeadlandError(error, 'HL_CAMERA_DIRECTORY_REFUSED'),
    );
  });

  it('kills an fswebcam that takes too long, and cleans up', async (t) => {
    const folder = ownTemporaryFolder(t);
    replaceFswebcam(t, ['trap "" TERM', 'while :; do sleep 0.1; done']);
    await assert.rejects(collect(open({ device: 'TEST:', timeoutMs: 500 }), 1), (error) =>
      isHeadlandError(error, 'HL_CAMERA_STALLED'),
    );
    assert.deepEqual(childrenNamed('fswebcam'), []);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('headland-webcam')),
      [],
    );
  });

  it('kills fswebcam when it is stopped in the middle of a picture', async (t) => {
    const folder = ownTemporaryFolder(t);
    replaceFswebcam(t, ['while :; do sleep 0.1; done']);
    const stop = new AbortController();
    const captured = open({ device: 'TEST:' }).capture(() => {}, stop.signal);
    await until(() => childrenNamed('fswebcam').length === 1, 'fswebcam runs');
    stop.abort();
    await captured;
    assert.deepEqual(childrenNamed('fswebcam'), []);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('headland-webcam')),
      [],
    );
  });

  it('does not believe a success without a whole JPEG', async (t) => {
    const jpeg = join(temporaryFolder(t), 'half.jpg');
    const whole = await makeJpeg(1);
    writeFileSync(jpeg, whole.subarray(0, whole.length / 2));
    replaceFswebcam(t, ['for last; do :; done', `cat ${jpeg} >"$last"`]);
    const driver = open({ device: 'TEST:' });
    await assert.rejects(collect(driver, 1), (error) =>
      isHeadlandError(error, 'HL_CAMERA_NO_PICTURE'),
    );
    assert.equal(driver.invalidPictures, 1);
    replaceFswebcam(t, ['exit 0']);
    await assert.rejects(collect(driver, 1), (error) =>
      isHeadlandError(error, 'HL_CAMERA_NO_PICTURE'),
    );
  });

  it('tells what fswebcam said when it failed', async (t) => {
    replaceFswebcam(t, ['echo "Unable to find a compatible palette format." >&2', 'exit 3']);
    await assert.rejects(collect(open({ device: 'TEST:' }), 1), (error) => {
      assert.ok(isHeadlandError(error, 'HL_CAMERA_EXITED'));
      assert.match(error.message, /compatible palette/);
      return true;
    });
  });
});
