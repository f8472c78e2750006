import { execFile, spawnSync } from 'node:child_process';
import { codeOf, HeadlandError } from '../../base/errors.js';
import type { CameraDriver, PictureReceiver } from '../camera.js';
import type { ToolExit } from './camera-tool.js';
import { captureJpegs, type JpegCaptureEnd } from './mjpeg-tool.js';
import { type RpicamConfig, rpicamArguments } from './rpicam-arguments.js';

/** Current and former name of the same program. */
const COMMANDS = ['rpicam-vid', 'libcamera-vid'];
const DEBIAN_PACKAGE = 'rpicam-apps';
const LIST_TIMEOUT_MS = 10_000;
/** "#12 (30.00 fps) exp 9998.00 ag 1.00 dg 1.00": older versions print such a line per picture. */
const PROGRESS = /^#\d+ \(/;

/** A CSI camera of a Raspberry Pi: a long-running rpicam-vid that writes JPEGs. */
export class RpicamDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: RpicamConfig;
  #invalidPictures = 0;

  constructor(config: RpicamConfig) {
    this.#config = config;
    this.description = `rpicam camera ${config.cameraIndex}`;
    this.paceMs = 1_000 / config.framesPerSecond;
  }

  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * Delivers pictures until `signal` aborts; any exit of the tool is a failure.
   *
   * @throws HeadlandError HL_CAMERA_TOOL_MISSING, HL_CAMERA_DEVICE_MISSING, HL_CAMERA_DEVICE_BUSY,
   *   HL_CAMERA_DEVICE_DENIED, HL_CAMERA_EXITED.
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const { exit } = await this.#runFirstInstalled(onPicture, signal);
    if (!signal.aborted) throw explainExit(this.#config.cameraIndex, exit);
  }

  async #runFirstInstalled(
    onPicture: PictureReceiver,
    signal: AbortSignal,
  ): Promise<JpegCaptureEnd> {
    for (const [index, command] of COMMANDS.entries()) {
      try {
        return await this.#run(command, onPicture, signal);
      } catch (error) {
        const missing = error instanceof HeadlandError && error.code === 'HL_CAMERA_TOOL_MISSING';
        if (!missing || index === COMMANDS.length - 1) throw missing ? toolMissing(error) : error;
      }
    }
    throw toolMissing();
  }

  #run(command: string, onPicture: PictureReceiver, signal: AbortSignal): Promise<JpegCaptureEnd> {
    return captureJpegs(
      {
        command,
        arguments: rpicamArguments(this.#config),
        debianPackage: DEBIAN_PACKAGE,
        isNoise: (line) => PROGRESS.test(line),
      },
      {
        // The minimum frame rate of a sensor may be higher than the requested one.
        framesPerSecond: this.#config.framesPerSecond,
        waits: false,
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
 * Indexes of the CSI cameras that rpicam lists, lowest first; empty if it is not installed. USB
 * cameras, which libcamera also lists, are left to ffmpeg, which passes their own JPEGs through.
 *
 * Blocks for about half a second if there is a camera.
 */
export function findCsiCameras(): number[] {
  for (const command of COMMANDS) {
    const { error, stdout } = spawnSync(command, ['--list-cameras'], {
      encoding: 'utf8',
      timeout: LIST_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (!error) return csiCamerasIn(stdout);
  }
  return [];
}

/** As {@link findCsiCameras}, without blocking. */
export async function listCsiCameras(): Promise<number[]> {
  for (const command of COMMANDS) {
    const listing = await new Promise<string | null>((resolve) => {
      const options = { timeout: LIST_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
      execFile(command, ['--list-cameras'], options, (error, stdout) => {
        resolve(error && codeOf(error) === 'ENOENT' ? null : stdout);
      });
    });
    if (listing !== null) return csiCamerasIn(listing);
  }
  return [];
}

/** Parses `--list-cameras`: "0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/…)". */
export function csiCamerasIn(listing: string): number[] {
  return [...listing.matchAll(/^(\d+) : .*\((\/[^)]*)\)\s*$/gm)]
    .filter(([, , id]) => !/\/usb|@usb/i.test(id!))
    .map(([, index]) => Number(index));
}

function explainExit(cameraIndex: number, exit: ToolExit): HeadlandError {
  const output = exit.lastLines.join('\n');
  const details = {
    cameraIndex,
    exitCode: exit.code,
    signal: exit.signal,
    lastLines: exit.lastLines,
  };
  if (/no cameras available|selected camera is not available|failed to find camera/i.test(output)) {
    return new HeadlandError('HL_CAMERA_DEVICE_MISSING', `there is no CSI camera ${cameraIndex}`, {
      remedy: 'Check the ribbon cable at both ends; `rpicam-vid --list-cameras` must list it.',
      details,
    });
  }
  if (/in use by another process|failed to acquire camera|resource busy/i.test(output)) {
    const message = `CSI camera ${cameraIndex} is used by another program`;
    return new HeadlandError('HL_CAMERA_DEVICE_BUSY', message, {
      remedy:
        'End the other program that uses the camera (`fuser /dev/media*` names it), and switch legacy camera support off (raspi-config).',
      details,
    });
  }
  if (/permission denied/i.test(output)) {
    const message = `no permission to open CSI camera ${cameraIndex}`;
    return new HeadlandError('HL_CAMERA_DEVICE_DENIED', message, {
      remedy: 'Add the user of the daemon to the group "video".',
      details,
    });
  }
  const how = exit.signal ? `was killed by ${exit.signal}` : `exited with code ${exit.code}`;
  const why = exit.lastLines.findLast((line) => /error/i.test(line)) ?? exit.lastLines.at(-1);
  const message = `rpicam-vid on camera ${cameraIndex} ${how}: ${why ?? 'no error output'}`;
  return new HeadlandError('HL_CAMERA_EXITED', message, {
    remedy: 'Run `rpicam-hello --timeout 5000` and correct what it reports.',
    details,
  });
}

function toolMissing(cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_CAMERA_TOOL_MISSING',
    `neither ${COMMANDS.join(' nor ')} is installed`,
    {
      remedy: `On Raspberry Pi OS: sudo apt-get install ${DEBIAN_PACKAGE}`,
      details: { commands: COMMANDS, debianPackage: DEBIAN_PACKAGE },
      cause,
    },
  );
}
