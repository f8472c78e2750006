import type { Mutant } from '../mutant.js';

const RUN = 'src/camera/camera-run.ts';
const SUPERVISOR = 'src/camera/supervisor.ts';
const SUPERVISOR_TESTS = 'test/camera/supervisor.test.ts';
const STREAM = 'src/camera/drivers/jpeg/jpeg-stream.ts';
const STREAM_TESTS = [{ file: 'test/camera/drivers/jpeg/jpeg-stream.test.ts' }];
const CUTTER_TESTS = [{ file: 'test/camera/stage/cutter.test.ts' }];
const STAGE_TESTS = [{ file: 'test/camera/stage/frame-stage.test.ts' }];
const MOTION_TESTS = [{ file: 'test/camera/stage/motion.test.ts' }];

const PIPE = 'src/camera/drivers/pipe/frame-reader.ts';
const PIPE_SOCKET = 'src/camera/drivers/pipe/frame-socket.ts';
const PIPE_TESTS = 'test/camera/drivers/pipe.test.ts';
const READER_TESTS = [
  { file: PIPE_TESTS, names: 'however the stream is cut|no whole JPEG|cannot be one' },
];

export const CAMERA_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a program cannot make the pipe take more memory than maxImageBytes',
    file: PIPE,
    text: 'if (imageBytes > this.#maxImageBytes) {',
    replacement: 'if (imageBytes > 0xffff_ffff) {',
    tests: READER_TESTS,
  },
  {
    promise: 'a frame without its magic number is refused',
    file: PIPE,
    text: 'start.readUInt32BE(0) !== MAGIC',
    replacement: 'start.readUInt32BE(0) === 0',
    tests: READER_TESTS,
  },
  {
    promise: 'what is no whole JPEG is left out of the pipe',
    file: PIPE,
    text: '!isWholeJpeg(image)',
    replacement: 'image.length === 0',
    tests: READER_TESTS,
  },
  {
    promise: 'the socket of images is open only to those whom the settings name',
    file: PIPE_SOCKET,
    text: 'chmodSync(path, MODES[access]);',
    replacement: '',
    tests: [{ file: PIPE_TESTS, names: 'one program after another' }],
  },
  {
    promise: 'only a socket is removed from the place of the socket',
    file: PIPE_SOCKET,
    text: "if (!found.isSocket()) throw socketRefused(path, 'something else than a socket is there');",
    replacement: '',
    tests: [{ file: PIPE_TESTS, names: 'but nothing else' }],
  },
  {
    promise: 'a camera that stalls is closed and opened again',
    file: RUN,
    text: 'this.#abort.abort();\n      });\n    }, allowedMs);',
    replacement: '});\n    }, allowedMs);',
    tests: [{ file: SUPERVISOR_TESTS, names: 'SIGSTOP' }],
  },
  {
    promise: 'a camera that sends garbage is told from one that is silent',
    file: RUN,
    text: 'this.#pictures === 0 && invalid > 0 ? garbage(invalid) : stalled(allowedMs)',
    replacement: 'invalid < 0 ? garbage(invalid) : stalled(allowedMs)',
    tests: [{ file: SUPERVISOR_TESTS, names: 'garbage' }],
  },
  {
    promise: 'a source that is slow by itself is not taken for stalled',
    file: RUN,
    text: 'this.#stallMs + (this.#driver.paceMs ?? 0)',
    replacement: 'this.#stallMs',
    tests: [{ file: SUPERVISOR_TESTS, names: 'pace of a slow source' }],
  },
  {
    promise: 'a source that waits for its receiver is not taken for stalled',
    file: RUN,
    text: ' || wasBusy',
    replacement: '',
    tests: [{ file: SUPERVISOR_TESTS, names: 'file-like source waits' }],
  },
  {
    promise: 'a camera that fails is tried again without limit',
    file: SUPERVISOR,
    text: 'if (!stop.aborted) this.#restarts += 1;',
    replacement: 'if (++this.#restarts >= 2) return;',
    tests: [{ file: SUPERVISOR_TESTS, names: 'tool is missing' }],
  },
  {
    promise: 'a camera that was healthy is opened again soon',
    file: SUPERVISOR,
    text: 'if (run.wasHealthy) backoff.reset();',
    replacement: '',
    tests: [{ file: SUPERVISOR_TESTS, names: 'lengthens the pause' }],
  },
  {
    promise: 'a camera that fails at once is not opened in a tight loop',
    file: SUPERVISOR,
    text: 'if (run.wasHealthy) backoff.reset();',
    replacement: 'backoff.reset();',
    tests: [{ file: SUPERVISOR_TESTS, names: 'lengthens the pause' }],
  },
  {
    promise: 'a group lasts no longer than its window',
    file: 'src/camera/group-clock.ts',
    text: 'nowMs - this.#startMs >= this.#windowMs',
    replacement: 'nowMs - this.#startMs > this.#windowMs',
    tests: [{ file: 'test/camera/pace.test.ts' }],
  },
  {
    promise: 'a clock that is set neither begins nor ends a group',
    file: 'src/camera/group-clock.ts',
    text: 'this.#startMs = nowMs;',
    replacement: 'this.#startMs = capturedAtMs;',
    tests: [{ file: 'test/camera/pace.test.ts' }],
  },
  {
    promise: 'a picture larger than allowed is dropped',
    file: STREAM,
    text: '|| end - this.#start > this.#maxPictureBytes',
    replacement: '',
    tests: STREAM_TESTS,
  },
  {
    promise: 'a picture exactly as large as allowed is kept',
    file: STREAM,
    text: 'end - this.#start > this.#maxPictureBytes',
    replacement: 'end - this.#start >= this.#maxPictureBytes',
    tests: STREAM_TESTS,
  },
  {
    promise: 'a picture that is cut off does not swallow the next',
    file: STREAM,
    text: 'if (marker === SOI) return this.#reject(found);',
    replacement: 'if (marker === SOI) this.#position += 2;',
    tests: STREAM_TESTS,
  },
  {
    promise: 'a picture that was dropped is counted',
    file: STREAM,
    text: 'this.#invalidPictures += 1;',
    replacement: '',
    tests: STREAM_TESTS,
  },
  {
    promise: 'masked pixels are black',
    file: 'src/camera/stage/picture-mask.ts',
    text: 'pixels.fill(0,',
    replacement: 'pixels.fill(255,',
    tests: CUTTER_TESTS,
  },
  {
    promise: 'a mask covers every pixel whose centre lies in it',
    file: 'src/camera/stage/picture-mask.ts',
    text: 'Math.ceil(crossings[i + 1]! * width - 0.5)',
    replacement: 'Math.ceil(crossings[i + 1]! * width - 1.5)',
    tests: CUTTER_TESTS,
  },
  {
    promise: 'a mask stays where it is when the picture is cut',
    file: 'src/camera/stage/picture-mask.ts',
    text: '(x - left) / width, (y - top) / height',
    replacement: 'x / width, y / height',
    tests: CUTTER_TESTS,
  },
  {
    promise: 'a masked picture is never shown without its mask',
    file: 'src/camera/stage/frame-stage.ts',
    text: 'if (!this.#cutter.changesPictures && this.#motion.size === 0)',
    replacement: 'if (this.#motion.size === 0)',
    tests: STAGE_TESTS,
  },
  {
    promise: 'the newest frame takes the place of one that waits',
    file: 'src/camera/stage/frame-stage.ts',
    text: 'this.#droppedFrames += 1;',
    replacement: '',
    tests: STAGE_TESTS,
  },
  {
    promise: 'a change of light is no movement',
    file: 'src/camera/stage/motion.ts',
    text: '- shown[i]! - light)',
    replacement: '- shown[i]! - 0 * light)',
    tests: MOTION_TESTS,
  },
  {
    promise: 'a still picture is shown now and then all the same',
    file: 'src/camera/stage/motion.ts',
    text: 'nowMs - this.#shownMs >= this.#settings.keepAliveMs',
    replacement: 'nowMs < 0',
    tests: MOTION_TESTS,
  },
];
