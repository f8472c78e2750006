import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { pause } from '../../../src/base/pause.js';
import type { CapturedPicture } from '../../../src/camera/camera.js';
import { FrameReader } from '../../../src/camera/drivers/pipe/frame-reader.js';
import { type PipeConfig, PipeDriver } from '../../../src/camera/drivers/pipe/pipe.js';
import { configSchema } from '../../../src/config/schema.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { cameraConfig, makeJpeg, until, watch } from '../support.js';
import { frame } from './pipe-frames.js';

const AT_MS = 1_800_000_000_123;

function pipe(section: Partial<Record<keyof PipeConfig, unknown>>): PipeDriver {
  return new PipeDriver(cameraConfig({ driver: 'pipe', ...section }));
}

/** The driver, listening; it ends with the test. */
async function listening(t: TestContext, settings: Partial<PipeConfig> = {}) {
  const path = join(temporaryFolder(t), 'camera.sock');
  const driver = pipe({ socket: path, ...settings });
  const pictures = new Recorder<CapturedPicture>();
  const stop = new AbortController();
  const done = driver.capture(pictures.add, stop.signal);
  done.catch(() => {});
  t.after(async () => {
    stop.abort();
    await done.catch(() => {});
  });
  await until(() => existsSync(path), 'the socket');
  return { path, driver, pictures, stop, done };
}

async function sender(
  t: TestContext,
  path: string,
): Promise<{ socket: Socket; said: () => string; closed: Promise<unknown> }> {
  const socket = connect({ path });
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  return { socket, said: () => said, closed };
}

/** A connection, as soon as somebody listens. */
async function connected(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect({ path });
    const failed = await Promise.race([
      once(socket, 'connect').then(() => false),
      once(socket, 'error').then(() => true),
    ]).catch(() => true);
    if (!failed) return socket;
    await pause(10);
  }
}

describe('FrameReader', () => {
  test('finds the frames however the stream is cut', async () => {
    const images = await Promise.all([1, 2, 3].map((seed) => makeJpeg(seed)));
    const stream = Buffer.concat(images.map((jpeg, index) => frame(jpeg, index === 1 ? 0 : AT_MS)));
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
        const reader = new FrameReader(1_000_000);
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const read = edges.flatMap((edge, i) => reader.push(stream.subarray(edge, edges[i + 1])));
        assert.deepEqual(
          read.map(({ jpeg }) => Buffer.from(jpeg).toString('hex')),
          images.map((jpeg) => Buffer.from(jpeg).toString('hex')),
        );
        assert.deepEqual(
          read.map(({ capturedAtMs }) => capturedAtMs),
          [AT_MS, undefined, AT_MS],
        );
        reader.end();
        assert.equal(reader.invalidPictures, 0);
      }),
    );
  });

  test('leaves out what is no whole JPEG, and goes on behind it', async () => {
    const jpeg = await makeJpeg(1);
    const reader = new FrameReader(1_000_000);
    const parts = [frame(jpeg.subarray(0, -20)), frame(Buffer.from('no JPEG')), frame(jpeg)];
    assert.equal(reader.push(Buffer.concat(parts)).length, 1);
    assert.equal(reader.invalidPictures, 2);
    reader.push(frame(jpeg).subarray(0, 40));
    reader.end();
    assert.equal(reader.invalidPictures, 3, 'one that broke off');
    assert.equal(reader.push(frame(jpeg)).length, 1);
  });

  test('refuses a header that cannot be one, at once', async () => {
    const jpeg = await makeJpeg(1);
    const headers: [RegExp, Buffer][] = [
      [/begins with ff d8 ff/, Buffer.from(jpeg)],
      [/begins with 50 4f 53 54/, Buffer.from('POST / HTTP/1.1\r\n\r\n')],
      [/length of a frame is 0/, frame(Buffer.alloc(0))],
      [/length of a frame is 1001 bytes/, frame(Buffer.alloc(1_001)).subarray(0, 16)],
      [
        /length of a frame is 4294967295/,
        Buffer.from(`HLJ1${'\xff'.repeat(4)}${'\0'.repeat(8)}`, 'latin1'),
      ],
      [/after the year 9999/, Buffer.from(`HLJ1\0\0\0\x01${'\xff'.repeat(8)}`, 'latin1')],
    ];
    for (const [message, bytes] of headers) {
      const reader = new FrameReader(1_000);
      assert.throws(() => reader.push(bytes), { code: 'HL_CAMERA_FRAMING_REFUSED', message });
    }
  });

  test('never throws anything else, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const reader = new FrameReader(1_000);
        try {
          for (const chunk of chunks) reader.push(chunk);
          reader.end();
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'HL_CAMERA_FRAMING_REFUSED');
        }
      }),
    );
  });
});

describe('PipeDriver on a socket', { timeout: TEST_HANG_MS }, () => {
  test('takes images from one program after another', async (t) => {
    const { path, driver, pictures, stop, done } = await listening(t);
    assert.equal(driver.description, `pipe, socket ${path}`);
    assert.equal(statSync(path).mode & 0o777, 0o660);
    const jpeg = await makeJpeg(1);
    const first = await sender(t, path);
    first.socket.write(frame(jpeg, AT_MS));
    const [picture] = await pictures.count(1, 'pictures');
    assert.deepEqual([picture?.capturedAtMs, picture?.jpeg.length], [AT_MS, jpeg.length]);
    first.socket.write(frame(jpeg).subarray(0, 30));
    first.socket.destroy();
    await until(() => driver.invalidPictures === 1, 'the image that broke off');
    const second = await sender(t, path);
    second.socket.write(frame(jpeg));
    await pictures.count(2, 'pictures');
    stop.abort();
    await done;
    assert.equal(existsSync(path), false);
  });

  test('refuses a second program while the first is there, and says so', async (t) => {
    const { path, pictures } = await listening(t, { access: 'owner' });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const first = await sender(t, path);
    const second = await sender(t, path);
    second.socket.write(frame(await makeJpeg(2)));
    await second.closed;
    assert.match(second.said(), /^HL_CAMERA_DEVICE_BUSY: /);
    first.socket.write(frame(await makeJpeg(1)));
    await pictures.count(1, 'pictures');
    assert.equal(pictures.all.length, 1);
  });

  test('ends a stream that it cannot read, with the reason, and can begin anew', async (t) => {
    const { path, driver, done, pictures } = await listening(t, { maxImageBytes: 2_048 });
    const { socket, said, closed } = await sender(t, path);
    socket.write(frame(Buffer.alloc(2_049)));
    await assert.rejects(done, { code: 'HL_CAMERA_FRAMING_REFUSED' });
    await closed;
    assert.match(said(), /^HL_CAMERA_FRAMING_REFUSED: .*2049 bytes; maxImageBytes is 2048/);
    assert.equal(existsSync(path), false);
    const stop = new AbortController();
    const again = driver.capture(pictures.add, stop.signal);
    await until(() => existsSync(path), 'the socket again');
    const next = await sender(t, path);
    next.socket.write(frame(await makeJpeg(1, { width: 16, height: 16 })));
    await pictures.count(1, 'pictures');
    stop.abort();
    await again;
  });

  test('removes the socket of a killed daemon, but nothing else', async (t) => {
    const dir = temporaryFolder(t);
    const path = join(dir, 'left.sock');
    const listen = `require('net').createServer().listen(${JSON.stringify(path)})`;
    const killed = spawn(process.execPath, ['-e', listen]);
    await until(() => existsSync(path), 'its socket');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const stop = new AbortController();
    const pictures = new Recorder<CapturedPicture>();
    const done = pipe({ socket: path }).capture(pictures.add, stop.signal);
    (await connected(path)).destroy();
    stop.abort();
    await done;
    writeFileSync(path, 'a file');
    const refused = (socket: string, message: RegExp) =>
      assert.rejects(pipe({ socket }).capture(pictures.add, new AbortController().signal), {
        code: 'HL_CAMERA_SOCKET_REFUSED',
        message,
      });
    await refused(path, /something else than a socket/);
    assert.ok(existsSync(path));
    const taken = createServer().listen(join(dir, 'taken.sock'));
    t.after(() => taken.close());
    await once(taken, 'listening');
    await refused(join(dir, 'taken.sock'), /another program listens there/);
    await refused(join(dir, 'nowhere', 'x.sock'), /ENOENT|EACCES/);
  });

  test('is opened again by the supervisor after a stream that it cannot read', async (t) => {
    const path = join(temporaryFolder(t), 'camera.sock');
    const { supervisor, frames } = watch(t, pipe({ socket: path }));
    await until(() => existsSync(path), 'the socket');
    const bad = await sender(t, path);
    bad.socket.write('this is no frame');
    await until(() => supervisor.state().restarts === 1, 'a restart');
    assert.equal(supervisor.state().lastRestartReason?.code, 'HL_CAMERA_FRAMING_REFUSED');
    await until(() => existsSync(path), 'the socket again');
    const good = await sender(t, path);
    good.socket.write(frame(await makeJpeg(1), AT_MS));
    await until(() => frames.length > 0, 'a frame');
    assert.equal(frames[0]?.capturedAtMs, AT_MS);
  });
});

describe('PipeDriver on a program', { timeout: TEST_HANG_MS }, () => {
  const program = (script: string) => ({
    command: { path: process.execPath, arguments: ['-e', script] },
  });

  test('takes the frames of its output, and ends it', async (t) => {
    const jpeg = await makeJpeg(3);
    const file = join(temporaryFolder(t), 'frame');
    writeFileSync(file, frame(jpeg, AT_MS));
    const driver = pipe(
      program(`const f = require('fs').readFileSync(${JSON.stringify(file)});
        setInterval(() => process.stdout.write(f), 5)`),
    );
    assert.equal(driver.description, 'pipe, program node');
    const pictures = new Recorder<CapturedPicture>();
    const stop = new AbortController();
    const done = driver.capture(pictures.add, stop.signal);
    const [first] = await pictures.count(3, 'pictures');
    assert.deepEqual(Buffer.from(first!.jpeg), Buffer.from(jpeg));
    stop.abort();
    await done;
  });

  test('reports how it ended, and what it has said', async () => {
    const none = new AbortController().signal;
    const ended = pipe(program("console.error('no lens'); process.exitCode = 3"));
    await assert.rejects(
      ended.capture(() => {}, none),
      {
        code: 'HL_CAMERA_EXITED',
        message: 'node ended with exit code 3: no lens',
      },
    );
    const noise = pipe(program("console.log('hello from a program that prints text')"));
    await assert.rejects(
      noise.capture(() => {}, none),
      { code: 'HL_CAMERA_FRAMING_REFUSED' },
    );
    const gone = pipe({ command: { path: '/nowhere/program' } });
    await assert.rejects(
      gone.capture(() => {}, none),
      {
        code: 'HL_CAMERA_TOOL_MISSING',
        message: '/nowhere/program does not exist',
      },
    );
  });
});

test('the settings name a socket or a program', () => {
  const problem = (section: object) => {
    const { error } = configSchema.safeParse({ cameras: [{ driver: 'pipe', ...section }] });
    return error?.issues[0]?.message;
  };
  const command = { path: '/bin/cat' };
  assert.equal(problem({ socket: '/run/x.sock' }), undefined);
  assert.equal(problem({ command }), undefined);
  assert.equal(problem({}), 'give one of "socket" and "command"');
  assert.equal(problem({ socket: '/x', command }), 'give one of "socket" and "command"');
  assert.equal(problem({ socket: 'x' }), 'use an absolute path');
  assert.match(String(problem({ socket: `/${'ü'.repeat(60)}` })), /at most 107 bytes/);
});
