import { existsSync } from 'node:fs';
import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { CameraDriver, PictureReceiver } from '../camera.js';
import { runTool, type ToolExit } from './camera-tool.js';
import {
  type FfmpegConfig,
  type FfmpegMode,
  ffmpegArguments,
  ffmpegModes,
  hiddenInput,
  inputKind,
} from './ffmpeg-arguments.js';
import { captureJpegs } from './mjpeg-tool.js';
import { setV4l2Controls } from './v4l2-controls.js';

/** A long-lived ffmpeg: V4L2 devices, RTSP, HTTP (MJPEG passed through untouched), video files. */
export class FfmpegDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: FfmpegConfig;
  readonly #log: Log;
  #invalidPictures = 0;
  #majorVersion: number | null = null;

  constructor(config: FfmpegConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.description = `ffmpeg ${withoutCredentials(config.input)}`;
    this.paceMs = 1_000 / config.framesPerSecond;
  }

  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * Resolves at the end of a file; the end of anything else is a failure.
   *
   * @throws HeadlandError HL_CAMERA_TOOL_MISSING, HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_BUSY,
   *   HL_CAMERA_DEVICE_DENIED, HL_CAMERA_EXITED.
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const modes = ffmpegModes(this.#config);
    const version = this.#majorVersion ?? (await majorVersion(signal));
    if (signal.aborted) return;
    this.#majorVersion = version;
    if (inputKind(this.#config.input) === 'v4l2') {
      await setV4l2Controls(this.#config.input, this.#config, this.#log, signal);
    }
    for (const [index, mode] of modes.entries()) {
      const { exit, pictures, notJpeg } = await this.#run(mode, version, onPicture, signal);
      if (signal.aborted) return;
      const finite = inputKind(this.#config.input) === 'file';
      if (finite && exit.code === 0) return;
      const failure = explainExit(this.#config.input, exit);
      const lastMode = index === modes.length - 1;
      if (lastMode || pictures > 0 || !(notJpeg || formatRefused(failure))) throw failure;
      this.#log.info(
        { input: withoutCredentials(this.#config.input) },
        'the source gives no JPEG of its own: pictures are encoded here, which costs processor time',
      );
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
        redact: (line) => (/deprecated/i.test(line) ? '' : withoutCredentials(line)),
      },
      {
        // ffmpeg cannot filter a copy: a source that is faster than asked for is thinned here.
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

/** Version of the installed ffmpeg; Infinity for builds without a number, which are recent ones. */
async function majorVersion(signal: AbortSignal): Promise<number> {
  let said = '';
  const tool = { command: 'ffmpeg', arguments: ['-version'], debianPackage: 'ffmpeg' };
  await runTool(tool, (chunk) => (said += Buffer.from(chunk)), signal);
  const found = /^ffmpeg version n?(\d+)\./.exec(said)?.[1];
  return found === undefined ? Number.POSITIVE_INFINITY : Number(found);
}

/** An address as it may be logged: user and password taken out. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]*@/gi, '$1');
}

/** Whether a device may work with another pixel format: it is there and free, yet gave nothing. */
function formatRefused(failure: HeadlandError): boolean {
  return (
    failure.code === 'HL_CAMERA_EXITED' &&
    /proper format|Invalid argument|not supported|header/i.test(failure.message)
  );
}

function explainExit(rawInput: string, exit: ToolExit): HeadlandError {
  const input = withoutCredentials(rawInput);
  const said = exit.lastLines.join('\n');
  const details = { input, exitCode: exit.code, signal: exit.signal, lastLines: exit.lastLines };
  const kind = inputKind(rawInput);
  const isLocal = kind === 'v4l2' || kind === 'file';
  const path = rawInput.replace(/^file:/i, '');
  if (isLocal && (/No such device|ENODEV/i.test(said) || !existsSync(path))) {
    return new HeadlandError('HL_CAMERA_DEVICE_MISSING', `${input} does not exist`, {
      remedy:
        kind === 'v4l2'
          ? 'Plug the camera in, or correct input in the configuration: `ls /dev/video*` lists cameras.'
          : 'Put the file there, or correct input in the configuration.',
      details,
    });
  }
  if (kind === 'v4l2' && /busy/i.test(said)) {
    return new HeadlandError('HL_CAMERA_DEVICE_BUSY', `${input} is used by another program`, {
      remedy: `End the other program that uses the camera: \`fuser ${input}\` names it.`,
      details,
    });
  }
  if (isLocal && /Permission denied/i.test(said)) {
    return new HeadlandError('HL_CAMERA_DEVICE_DENIED', `this user may not open ${input}`, {
      remedy: 'Give the user of the daemon read access; to cameras: add it to the group "video".',
      details,
    });
  }
  const [, refused] = /Codec \((\w+)\) not on whitelist/.exec(said) ?? [];
  if (refused !== undefined) {
    const name = refused === 'librsvg' ? 'SVG' : refused;
    return new HeadlandError('HL_CAMERA_FORMAT_REFUSED', `${input} sends ${name}`, {
      remedy: 'Set the camera to JPEG or to a video such as H.264, or give another address of it.',
      details: { ...details, format: name },
    });
  }
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
  const why = exit.lastLines.at(-1) ?? 'it said nothing';
  return new HeadlandError('HL_CAMERA_EXITED', `ffmpeg on ${input} ${how}: ${why}`, {
    remedy:
      'Open the same file or address with ffplay or a browser, and correct what is wrong there.',
    details,
  });
}
