import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { FfmpegDriver } from '../../../src/camera/drivers/ffmpeg.js';
import {
  captureWays,
  ffmpegArguments,
  hiddenInput,
  inputKind,
} from '../../../src/camera/drivers/ffmpeg-arguments.js';
import { hasCode } from '../../errors.js';
import { listen } from '../../ports.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { every, ffmpegHttpCamera, httpCamera, makeVideo, rtspCamera } from '../sources.js';
import { cameraConfig, childrenNamed, collect, makeJpeg, needsTool, sizeOf } from '../support.js';
import { withPath } from '../tool.js';

function open(section: Record<string, unknown>): FfmpegDriver {
  return new FfmpegDriver(cameraConfig({ driver: 'ffmpeg', ...section }), silentLog());
}

describe('FfmpegDriver on files', () => {
  it('gives every frame of a video file, then ends', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = makeVideo(temporaryFolder(t), 2, 10);
    const pictures = await collect(open({ input, realTime: false }), 1_000);
    assert.equal(pictures.length, 20);
    assert.deepEqual(await sizeOf(pictures[0]!.jpeg), { width: 320, height: 240 });
    assert.deepEqual(childrenNamed('ffmpeg'), []);
  });

  it('thins by media time and shrinks to the configured size, shape kept', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = makeVideo(temporaryFolder(t), 2, 10);
    const small = { widthPixels: 160, heightPixels: 160, framesPerSecond: 5 };
    const pictures = await collect(open({ input, realTime: false, ...small }), 1_000);
    assert.equal(pictures.length, 10);
    assert.deepEqual(await sizeOf(pictures[0]!.jpeg), { width: 160, height: 120 });
  });

  it('begins again when it loops', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = makeVideo(temporaryFolder(t), 1, 10);
    const pictures = await collect(open({ input, realTime: false, loop: true }), 25);
    assert.equal(pictures.length, 25);
    assert.deepEqual(childrenNamed('ffmpeg'), []);
  });

  it('waits for a receiver that returns a promise', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = makeVideo(temporaryFolder(t), 2, 10);
    let taking = 0;
    let most = 0;
    let total = 0;
    await open({ input, realTime: false }).capture(async () => {
      taking += 1;
      total += 1;
      most = Math.max(most, taking);
      await new Promise((resolve) => setTimeout(resolve, 5));
      taking -= 1;
    }, new AbortController().signal);
    assert.deepEqual({ total, most }, { total: 20, most: 1 });
  });

  it('says what is wrong with a file', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const folder = temporaryFolder(t);
    const text = join(folder, 'notes.mp4');
    writeFileSync(text, 'not a video');
    await assert.rejects(collect(open({ input: text }), 1), hasCode('HL_CAMERA_EXITED'));
    const missing = join(folder, 'missing.mp4');
    await assert.rejects(collect(open({ input: missing }), 1), hasCode('HL_CAMERA_DEVICE_MISSING'));
  });
});

describe('FfmpegDriver on streams', () => {
  it('shows an HTTP MJPEG camera made of ffmpeg', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const pictures = await collect(open({ input: await ffmpegHttpCamera(t) }), 3);
    assert.equal(pictures.length, 3);
    assert.deepEqual(await sizeOf(pictures[2]!.jpeg), { width: 320, height: 240 });
    assert.deepEqual(childrenNamed('ffmpeg').length, 1, 'only the camera itself is left');
  });

  it('passes JPEGs through untouched, EXIF and all', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), Buffer.from(await makeJpeg(7))]);
    const sent = await Promise.all(
      [1, 2, 3].map((seed) => makeJpeg(seed, { width: 320, height: 240, exif })),
    );
    const input = await httpCamera(t, (viewer) => repeat(t, sent, (jpeg) => viewer.send(jpeg)));
    const pictures = await collect(open({ input, framesPerSecond: 120 }), 6);
    for (const { jpeg } of pictures) {
      assert.ok(sent.some((original) => Buffer.from(original).equals(jpeg)));
    }
  });

  it('drops half a picture and counts it', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const whole = await makeJpeg(1, { width: 320, height: 240 });
    const half = whole.subarray(0, whole.length / 2);
    const input = await httpCamera(t, (viewer) =>
      repeat(t, [whole, half], (jpeg) => viewer.send(jpeg)),
    );
    const driver = open({ input, framesPerSecond: 120 });
    const pictures = await collect(driver, 5);
    assert.ok(pictures.every(({ jpeg }) => Buffer.from(whole).equals(jpeg)));
    assert.ok(driver.invalidPictures >= 3, `${driver.invalidPictures} counted`);
  });

  it('follows a change of resolution in the middle of the stream', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const sent = await Promise.all([makeJpeg(1, { width: 320, height: 240 }), makeJpeg(2)]);
    const input = await httpCamera(t, (viewer) => repeat(t, sent, (jpeg) => viewer.send(jpeg)));
    const pictures = await collect(open({ input, framesPerSecond: 120 }), 6);
    const widths = await Promise.all(pictures.map(async ({ jpeg }) => (await sizeOf(jpeg)).width));
    assert.deepEqual([...new Set(widths)].sort(), [320, 64]);
  });

  it('thins a stream that is faster than asked for', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    let sent = 0;
    const input = await httpCamera(t, (viewer) =>
      repeat(t, [jpeg], () => {
        viewer.send(jpeg);
        sent += 1;
      }),
    );
    const pictures = await collect(open({ input, framesPerSecond: 10 }), 5);
    assert.equal(pictures.length, 5);
    assert.ok(sent > 10, `${sent} sent for 5 shown`);
  });

  it('encodes a stream that is no MJPEG', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const input = await rtspCamera(t, temporaryFolder(t));
    const pictures = await collect(open({ input }), 5);
    assert.deepEqual(await sizeOf(pictures[4]!.jpeg), { width: 320, height: 240 });
  });

  it('takes the end of a live source for a failure, and hides its password', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const url = await httpCamera(t, (viewer) => {
      for (let i = 0; i < 40; i += 1) viewer.send(jpeg);
      viewer.end();
    });
    const input = url.replace('http://', 'http://farmer:hunter2@');
    const driver = open({ input, framesPerSecond: 120 });
    await assert.rejects(collect(driver, 1_000), (error: unknown) => {
      assert.ok(isHeadlandError(error, 'HL_CAMERA_EXITED'));
      assert.doesNotMatch(JSON.stringify(error) + error.message, /hunter2/);
      return true;
    });
    assert.doesNotMatch(driver.description, /hunter2/);
  });

  it('shows cameras that want a password without showing it', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const jpeg = await makeJpeg(1, { width: 320, height: 240 });
    const mjpeg = await httpCamera(t, (viewer) => repeat(t, [jpeg], (one) => viewer.send(one)));
    for (const address of [mjpeg, await rtspCamera(t, temporaryFolder(t))]) {
      const driver = open({ input: address.replace('://', '://farmer:hunter2@') });
      const stop = new AbortController();
      let pictures = 0;
      let commandLine = '';
      await driver.capture(({ jpeg: seen }) => {
        pictures += 1;
        if (address === mjpeg) assert.ok(Buffer.from(jpeg).equals(seen), 'untouched');
        commandLine = childrenNamed('ffmpeg')
          .map((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8'))
          .find((line) => line.includes('concat'))!;
        if (pictures === 3) stop.abort();
      }, stop.signal);
      assert.match(commandLine, /pipe:0/);
      assert.doesNotMatch(commandLine, /hunter2|farmer/);
    }
  });

  it('refuses an SVG by name and never draws it', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>';
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/svg+xml' });
      response.end(svg);
    });
    const port = await listen(server);
    t.after(() => server.close());
    const file = join(temporaryFolder(t), 'still.svg');
    writeFileSync(file, svg);
    for (const input of [`http://a:b@127.0.0.1:${port}/still.svg`, file]) {
      await assert.rejects(collect(open({ input, realTime: false })), (error) => {
        assert.ok(isHeadlandError(error, 'HL_CAMERA_FORMAT_REFUSED'), String(error));
        assert.match(error.message, /SVG/);
        return true;
      });
    }
  });

  it('says that nothing listens there', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const hosts = ['127.0.0.1:1', 'farmer:hunter2@127.0.0.1:1'];
    for (const input of hosts.flatMap((host) => [`http://${host}/x`, `rtsp://${host}/x`])) {
      await assert.rejects(collect(open({ input }), 1), (error: unknown) => {
        assert.ok(isHeadlandError(error, 'HL_CAMERA_EXITED'));
        assert.match(error.message, /refused/);
        assert.doesNotMatch(JSON.stringify(error), /hunter2/);
        return true;
      });
    }
  });
});

describe('FfmpegDriver without its device or tool', () => {
  it('names a camera that is not there', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    if (existsSync('/dev/video99')) return t.skip('this machine has a /dev/video99');
    const driver = open({ input: '/dev/video99' });
    await assert.rejects(collect(driver, 1), hasCode('HL_CAMERA_DEVICE_MISSING'));
  });

  it('names the package when ffmpeg is not installed', async (t) => {
    withPath(t, temporaryFolder(t));
    await assert.rejects(collect(open({ input: '/dev/video0' }), 1), (error: unknown) => {
      assert.ok(isHeadlandError(error, 'HL_CAMERA_TOOL_MISSING'));
      assert.match(error.remedy, /apt-get install ffmpeg/);
      return true;
    });
  });

  it('asks a camera for MJPEG first and encodes when it has none', async (t) => {
    // What ffmpeg 5.1 prints for a camera that only has raw formats, played back.
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'picture.jpg'), await makeJpeg(1));
    const script = [
      '#!/bin/sh',
      'case "$*" in *mjpeg*copy*)',
      `  echo "[video4linux2,v4l2 @ 0x55] Cannot find a proper format for codec 'mjpeg' (id 7), pixel format 'none' (id -1)" >&2`,
      '  echo "/dev/null: Invalid argument" >&2',
      '  exit 1;;',
      'esac',
      `exec /bin/cat '${join(folder, 'picture.jpg')}'`,
    ];
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'ffmpeg'), script.join('\n'));
    chmodSync(join(folder, 'bin', 'ffmpeg'), 0o755);
    withPath(t, join(folder, 'bin'));
    const pictures = await collect(open({ input: '/dev/null' }), 1);
    assert.equal(pictures.length, 1);
  });

  it('follows symbolic links to devices, as udev makes them', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const link = join(temporaryFolder(t), 'camera.mp4');
    symlinkSync('/nowhere/at/all', link);
    await assert.rejects(collect(open({ input: link }), 1), hasCode('HL_CAMERA_DEVICE_MISSING'));
  });
});

describe('ffmpegArguments', () => {
  const config = (section: Record<string, unknown>) =>
    cameraConfig({ driver: 'ffmpeg', ...section });

  it('passes the MJPEG of a V4L2 camera through', () => {
    const line = ffmpegArguments(config({}), 'copy', 5).join(' ');
    assert.match(
      line,
      /-f v4l2 -input_format mjpeg -video_size 640x480 -framerate 10 .*-i \/dev\/video0/,
    );
    assert.match(line, /-c:v copy .*-f image2pipe pipe:1$/);
  });

  it('encodes raw pictures', () => {
    const line = ffmpegArguments(config({ inputFormat: 'v4l2-yuyv' }), 'encode', 5).join(' ');
    assert.match(line, /-input_format yuyv422/);
    assert.match(line, /-c:v mjpeg/);
  });

  it('speaks RTSP over TCP, with a time-out', () => {
    const section = { input: 'rtsp://cam/1', stallMs: 3_000 };
    const line = ffmpegArguments(config(section), 'encode', 5).join(' ');
    assert.match(line, /-rtsp_transport tcp -timeout 6000000 -i rtsp:\/\/cam\/1/);
  });

  it('names the RTSP time-out as old versions of ffmpeg know it', () => {
    const line = ffmpegArguments(config({ input: 'rtsp://cam/1' }), 'encode', 4).join(' ');
    assert.match(line, / -stimeout 20000000 /);
    assert.doesNotMatch(line, / -timeout /);
  });

  it('names frame timing as each version of ffmpeg knows it', () => {
    const line = (version: number) => ffmpegArguments(config({}), 'copy', version).join(' ');
    assert.match(line(5), / -vsync passthrough /);
    for (const version of [6, 9, Number.POSITIVE_INFINITY]) {
      assert.match(line(version), / -fps_mode passthrough /);
      assert.doesNotMatch(line(version), /-vsync/);
    }
  });

  it('keeps user and password out of the arguments', () => {
    for (const scheme of ['rtsp', 'RTSPS', 'http', 'https']) {
      const secret = config({ input: `${scheme}://farmer:it's@cam/1`, stallMs: 3_000 });
      assert.doesNotMatch(ffmpegArguments(secret, 'encode', 5).join(' '), /farmer|it's/);
      const list = hiddenInput(secret, 5)!.split('\n');
      assert.equal(list[1], `file '${scheme}://farmer:it'\\''s@cam/1'`);
      assert.ok(
        list.some((line) => /^option (rw_)?timeout 6000000$/.test(line)),
        list.join(),
      );
    }
    for (const input of [
      'rtsp://cam/1?token=hunter2',
      'http://cam/user=farmer&password=hunter2/1',
      'rtmp://farmer:hunter2@cam/live',
      'srt://cam:9000?passphrase=hunter2',
    ]) {
      assert.doesNotMatch(ffmpegArguments(config({ input }), 'encode', 5).join(' '), /hunter2/);
      assert.ok(hiddenInput(config({ input }), 5)!.includes(input));
    }
    assert.equal(hiddenInput(config({ input: 'rtsp://cam:554/1?tcp' }), 5), null);
    assert.equal(hiddenInput(config({ input: 'rtsp://farmer@cam/1' }), 4), null);
  });

  it('never lets an input become an option', () => {
    for (const input of ['-version', '; rm -rf ~', '$(id)', '--help']) {
      const vector = ffmpegArguments(config({ input }), 'encode', 5);
      assert.equal(vector[vector.indexOf('-i') + 1], input);
      assert.equal(vector.filter((argument) => argument === input).length, 1);
    }
  });

  it('knows the kinds of input', () => {
    const kinds = [
      '/dev/video2',
      'RTSP://a/b',
      'https://a/b',
      'udp://a:1',
      'a.mp4',
      '/x/y.mkv',
      'file:a',
    ];
    assert.deepEqual(kinds.map(inputKind), [
      'v4l2',
      'rtsp',
      'http',
      'stream',
      'file',
      'file',
      'file',
    ]);
    assert.deepEqual(captureWays(config({ inputFormat: 'v4l2-mjpeg' })), ['copy']);
  });
});

/** Calls `send` with each of `items`, round and round, 100 times a second, until the test ends. */
function repeat(t: TestContext, items: Uint8Array[], send: (item: Uint8Array) => void): void {
  let next = 0;
  every(t, 10, () => send(items[next++ % items.length]!));
}
