import { existsSync } from 'node:fs';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { redactAddress } from '../../base/redact.js';
import type { CameraDriver, PictureReceiver } from '../camera.js';
import { runTool, type ToolExit } from './camera-tool.js';
import {
  type CaptureWay,
  captureWays,
  type FfmpegConfig,
  type FfmpegMode,
  ffmpegArguments,
  hiddenInput,
  holdsSecret,
  inputKind,
} from './ffmpeg-arguments.js';
import { captureHttpJpegs } from './http-jpegs.js';
import { JpegDelivery } from './jpeg-delivery.js';
import { captureJpegs } from './mjpeg-tool.js';
import { setV4l2Controls } from './v4l2-controls.js';

/** Result of one capture attempt. */
interface CaptureEnd {
  pictures: number;
  /** Null: stopped, or end of file; `one picture`: the address serves a single still image. */
  failure: HeadlandError | 'one picture' | null;
  /** The source answers, and another capture way may work. */
  otherWayMayWork: boolean;
}

/**
 * A long-running ffmpeg: V4L2 devices, RTSP, HTTP (MJPEG passed through unchanged), video files.
 */
export class FfmpegDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: FfmpegConfig;
  readonly #log: Log;
  readonly #ways: readonly CaptureWay[];
  #first: CaptureWay;
  #invalidPictures = 0;
  #majorVersion: number | null = null;
  #warned = false;
  /** The last scan found only damaged JPEGs. */
  #sendsDamagedJpegs = false;

  constructor(config: FfmpegConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#ways = captureWays(config);
    this.#first = this.#ways[0] ?? 'encode';
    this.description = `ffmpeg ${redactAddress(config.input)}`;
    this.paceMs = 1_000 / config.framesPerSecond;
  }

  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * Resolves at the end of a file; for any other source, an end is a failure.
   *
   * @throws HeadlandError HL_CAMERA_TOOL_MISSING, HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_BUSY,
   *   HL_CAMERA_DEVICE_DENIED, HL_CAMERA_NO_PICTURE, HL_CAMERA_EXITED.
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    if (inputKind(this.#config.input) === 'v4l2') {
      await setV4l2Controls(this.#config.input, this.#config, this.#log, signal);
    }
    const ways = this.#waysInOrder();
    const failures: HeadlandError[] = [];
    for (const [index, way] of ways.entries()) {
      const { pictures, failure, otherWayMayWork } = await this.#try(way, onPicture, signal);
      const next = ways[index + 1];
      this.#learn(way, pictures, next ?? ways[0] ?? way, signal.aborted);
      if (signal.aborted || failure === null) return;
      if (failure !== 'one picture') {
        failures.push(failure);
        if (!next || pictures > 0 || !otherWayMayWork) throw clearest(failure, failures);
      }
      if (next) this.#tell(next);
    }
  }

  /**
   * Capture ways in the order in which to try them. Leaves out `encode` for damaged JPEGs: ffmpeg
   * would decode them, fill the missing parts with grey and encode them as complete pictures.
   */
  #waysInOrder(): CaptureWay[] {
    const ways = this.#ways.filter((way) => way !== 'encode' || !this.#sendsDamagedJpegs);
    const first = Math.max(0, ways.indexOf(this.#first));
    return [...ways.slice(first), ...ways.slice(0, first)];
  }

  /** Starts with a way that worked next time; skips one in which an HTTP camera sent no picture. */
  #learn(way: CaptureWay, pictures: number, next: CaptureWay, stalled: boolean): void {
    if (pictures > 0) this.#first = way;
    else if (stalled && inputKind(this.#config.input) === 'http') this.#first = next;
  }

  #tell(way: CaptureWay): void {
    const fields = { input: redactAddress(this.#config.input) };
    const message =
      way === 'scan'
        ? 'ffmpeg finds no pictures in the stream: scanning it for JPEGs instead'
        : 'the source provides no JPEGs: re-encoding its pictures, which takes CPU time';
    this.#log.info(fields, message);
  }

  async #try(
    way: CaptureWay,
    onPicture: PictureReceiver,
    signal: AbortSignal,
  ): Promise<CaptureEnd> {
    const { input } = this.#config;
    if (way === 'scan') return this.#scan(onPicture, signal);
    this.#majorVersion ??= await majorVersion(signal);
    const version = this.#majorVersion;
    if (version < 5 && holdsSecret(input)) this.#warnOfArguments();
    if (signal.aborted) return { pictures: 0, failure: null, otherWayMayWork: false };
    const { exit, pictures, notJpeg } = await this.#run(way, version, onPicture, signal);
    const kind = inputKind(input);
    const inOrder = exit.code === 0;
    if (kind === 'file' && inOrder) return { pictures, failure: null, otherWayMayWork: false };
    // An address that serves a single JPEG is polled instead.
    const still = kind === 'http' && way === 'copy' && inOrder && pictures === 1;
    if (still) return { pictures, failure: 'one picture', otherWayMayWork: true };
    const failure = explainExit(input, exit);
    const otherWayMayWork = notJpeg || kind === 'http' || formatRefused(failure);
    return { pictures, failure, otherWayMayWork };
  }

  /** Logs only once. */
  #warnOfArguments(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warn(
      { input: redactAddress(this.#config.input) },
      'ffmpeg is older than version 5: every user of this machine can see the camera login in its arguments',
    );
  }

  async #scan(onPicture: PictureReceiver, signal: AbortSignal): Promise<CaptureEnd> {
    const { input, framesPerSecond } = this.#config;
    const delivery = new JpegDelivery(
      {
        framesPerSecond,
        waits: false,
        onPicture,
        onInvalid: (count) => {
          this.#invalidPictures += count;
        },
      },
      signal,
    );
    try {
      await captureHttpJpegs(input, { delivery, intervalMs: 1_000 / framesPerSecond }, signal);
      return { pictures: delivery.pictures, failure: null, otherWayMayWork: false };
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      const otherWayMayWork = error.code === 'HL_CAMERA_NO_PICTURE' && delivery.damaged === 0;
      return { pictures: delivery.pictures, failure: error, otherWayMayWork };
    } finally {
      this.#sendsDamagedJpegs = delivery.pictures === 0 && delivery.damaged > 0;
    }
  }

  #run(mode: FfmpegMode, version: number, onPicture: PictureReceiver, signal: AbortSignal) {
    const config = this.#config;
    const input = hiddenInput(config, version);
    return captureJpegs(
      {
        command: 'ffmpeg',
        arguments: ffmpegArguments(config, mode, version),
        debianPackage: 'ffmpeg',
        ...(input === null ? {} : { input }),
        isNoise: (line) => /deprecated/i.test(line),
      },
      {
        // ffmpeg cannot filter a copy: the frame rate is limited here.
        framesPerSecond: mode === 'copy' ? config.framesPerSecond : null,
        waits: inputKind(config.input) === 'file' && !config.realTime,
        onPicture,
        onInvalid: (count) => {
          this.#invalidPictures += count;
        },
      },
      signal,
    );
  }
}

/**
 * Major version of the installed ffmpeg; Infinity for builds without a number, which are recent.
 */
async function majorVersion(signal: AbortSignal): Promise<number> {
  let output = '';
  const tool = { command: 'ffmpeg', arguments: ['-version'], debianPackage: 'ffmpeg' };
  await runTool(tool, (chunk) => (output += Buffer.from(chunk)), signal);
  const found = /^ffmpeg version n?(\d+)\./.exec(output)?.[1];
  return found === undefined ? Number.POSITIVE_INFINITY : Number(found);
}

/** The last failure, or an earlier one that explains better what the camera sends. */
function clearest(last: HeadlandError, failures: readonly HeadlandError[]): HeadlandError {
  if (last.code !== 'HL_CAMERA_EXITED') return last;
  return failures.find(({ code }) => code === 'HL_CAMERA_NO_PICTURE') ?? last;
}

/** Whether another pixel format may work: the device is present and free but delivered nothing. */
function formatRefused(failure: HeadlandError): boolean {
  return (
    failure.code === 'HL_CAMERA_EXITED' &&
    /proper format|Invalid argument|not supported|header/i.test(failure.message)
  );
}

function explainExit(rawInput: string, exit: ToolExit): HeadlandError {
  const input = redactAddress(rawInput);
  const output = exit.lastLines.join('\n');
  const details = { input, exitCode: exit.code, signal: exit.signal, lastLines: exit.lastLines };
  const kind = inputKind(rawInput);
  const isLocal = kind === 'v4l2' || kind === 'file';
  const path = rawInput.replace(/^file:/i, '');
  if (isLocal && (/No such device|ENODEV/i.test(output) || !existsSync(path))) {
    return new HeadlandError('HL_CAMERA_DEVICE_MISSING', `${input} does not exist`, {
      remedy:
        kind === 'v4l2'
          ? 'Plug the camera in, or correct input in the configuration: `ls /dev/video*` lists cameras.'
          : 'Put the file there, or correct input in the configuration.',
      details,
    });
  }
  if (kind === 'v4l2' && /busy/i.test(output)) {
    return new HeadlandError('HL_CAMERA_DEVICE_BUSY', `${input} is used by another program`, {
      remedy: `End the other program that uses the camera: \`fuser ${input}\` names it.`,
      details,
    });
  }
  if (isLocal && /Permission denied/i.test(output)) {
    return new HeadlandError('HL_CAMERA_DEVICE_DENIED', `no permission to open ${input}`, {
      remedy: 'Give the user of the daemon read access; to cameras: add it to the group "video".',
      details,
    });
  }
  const [, refused] = /Codec \((\w+)\) not on whitelist/.exec(output) ?? [];
  if (refused !== undefined) {
    const name = refused === 'librsvg' ? 'SVG' : refused;
    return new HeadlandError('HL_CAMERA_FORMAT_REFUSED', `${input} sends ${name}`, {
      remedy: 'Set the camera to JPEG or to a video such as H.264, or give another address of it.',
      details: { ...details, format: name },
    });
  }
  const how = exit.signal ? `was killed by ${exit.signal}` : `exited with code ${exit.code}`;
  const why = exit.lastLines.at(-1) ?? 'no error output';
  return new HeadlandError('HL_CAMERA_EXITED', `ffmpeg on ${input} ${how}: ${why}`, {
    remedy:
      'Open the same file or address with ffplay or a browser, and correct what is wrong there.',
    details,
  });
}
