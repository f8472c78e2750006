import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error: node-webcam 0.8 has no types; the used part is declared below.
import untypedNodeWebcam from 'node-webcam';
import { DEFECT_REMEDY, HeadlandError, messageOf } from '../../base/errors.js';
import { pause } from '../../base/pause.js';
import type { CameraDriver, PictureReceiver } from '../camera.js';
import type { DriverConfig } from '../camera-settings.js';
import { isWholeJpeg } from './jpeg-stream.js';
import { killByFile } from './kill-by-file.js';

export type WebcamConfig = DriverConfig<'webcam'>;

interface NodeWebcamOptions {
  width: number;
  height: number;
  /** 0 to 95. */
  quality: number;
  output: 'jpeg';
  device: string;
  /** Frames to skip before the picture. */
  skip: number;
  callbackReturn: 'location';
  saveShots: boolean;
  verbose: boolean;
}

interface FsWebcam {
  /** Beginning of the shell command. */
  bin: string;
  capture(location: string, callback: (error: Error | null) => void): void;
}

const NodeWebcam: { FSWebcam: new (options: NodeWebcamOptions) => FsWebcam } = untypedNodeWebcam;

/** Devices that are safe in node-webcam's shell command; the rule of the config, checked again. */
const SAFE_DEVICE = /^(\/dev\/video[0-9]{1,3}|TEST:[A-Za-z0-9_]*|FILE:[A-Za-z0-9_./-]+)$/;
const SAFE_PATH = /^\/[A-Za-z0-9_./-]+$/;
const JPEG_QUALITY = 95;
/** fswebcam opens the camera for each picture, and the first frames precede its auto-exposure. */
const SKIPPED_FRAMES = 3;

/**
 * Captures still pictures with node-webcam and fswebcam. node-webcam runs a shell command, reports
 * success without a picture, and cannot be stopped. Therefore the device is checked against an
 * allow-list, each picture goes to a file in a private directory, the shell writes its process id
 * there before it execs fswebcam (a time-out kills that process), and the file must hold a complete
 * JPEG.
 */
export class WebcamDriver implements CameraDriver {
  readonly description: string;
  readonly paceMs: number;
  readonly #config: WebcamConfig;
  #invalidPictures = 0;

  /** @throws HeadlandError HL_INTERNAL for a device that the configuration should have rejected */
  constructor(config: WebcamConfig) {
    const { device, widthPixels, heightPixels } = config;
    if (!SAFE_DEVICE.test(device) || ![widthPixels, heightPixels].every(Number.isSafeInteger)) {
      throw new HeadlandError('HL_INTERNAL', `"${device}" is not a webcam device`, {
        remedy: DEFECT_REMEDY,
        details: { device },
      });
    }
    this.#config = config;
    this.description = `node-webcam ${device}`;
    this.paceMs = config.intervalMs + config.timeoutMs;
  }

  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * Takes a picture every `intervalMs`, from start to start.
   *
   * @throws HeadlandError HL_CAMERA_TOOL_MISSING, HL_CAMERA_DEVICE_MISSING, HL_CAMERA_STALLED (a
   *   picture took longer than `timeoutMs`), HL_CAMERA_NO_PICTURE (fswebcam exited without a
   *   complete JPEG), HL_CAMERA_EXITED, HL_CAMERA_DIRECTORY_REFUSED
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const directory = await privateDirectory();
    try {
      while (!signal.aborted) {
        const startedMs = performance.now();
        const capturedAtMs = Date.now();
        const jpeg = await this.#shoot(directory, signal);
        if (!jpeg) return;
        onPicture({ jpeg, capturedAtMs });
        await pause(this.#config.intervalMs - (performance.now() - startedMs), signal);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Takes one picture; null when `signal` aborted meanwhile. */
  async #shoot(directory: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const { device, timeoutMs } = this.#config;
    const picture = join(directory, 'picture.jpg');
    const processIdFile = join(directory, 'process-id');
    await Promise.all([rm(picture, { force: true }), rm(processIdFile, { force: true })]);
    const over = new AbortController();
    const onAbort = () => over.abort();
    signal.addEventListener('abort', onAbort);
    let ended = false;
    const shot = this.#runNodeWebcam(picture, processIdFile).finally(() => {
      ended = true;
      over.abort();
    });
    await pause(timeoutMs, over.signal);
    signal.removeEventListener('abort', onAbort);
    const inTime = ended;
    if (!inTime) await killByFile(processIdFile, shot);
    if (signal.aborted) return null;
    if (!inTime) {
      throw new HeadlandError('HL_CAMERA_STALLED', `fswebcam took longer than ${timeoutMs} ms`, {
        remedy:
          'Check cable and power of the camera. If it is only slow, raise timeoutMs of the camera.',
        details: { device, timeoutMs },
      });
    }
    const error = await shot;
    const bytes = error ? null : await readFile(picture).catch(() => null);
    if (bytes && isWholeJpeg(bytes)) return bytes;
    if (bytes) this.#invalidPictures += 1;
    throw this.#explain(error, bytes?.length ?? 0);
  }

  /** Resolves with the error that node-webcam reports, if any; never rejects. */
  #runNodeWebcam(picture: string, processIdFile: string): Promise<Error | null> {
    const webcam = new NodeWebcam.FSWebcam({
      width: this.#config.widthPixels,
      height: this.#config.heightPixels,
      quality: JPEG_QUALITY,
      output: 'jpeg',
      device: this.#config.device,
      skip: SKIPPED_FRAMES,
      callbackReturn: 'location',
      saveShots: false,
      verbose: false,
    });
    // With `exec`, fswebcam keeps the process id that the shell wrote.
    webcam.bin = `echo $$ >${processIdFile}; exec fswebcam`;
    return new Promise((resolve) => webcam.capture(picture, (error) => resolve(error ?? null)));
  }

  #explain(error: (Error & { code?: unknown }) | null, bytes: number): HeadlandError {
    const { device } = this.#config;
    const path = device.replace(/^(TEST|FILE):/, '');
    if (error?.code === 127) {
      return new HeadlandError('HL_CAMERA_TOOL_MISSING', 'fswebcam is not installed', {
        remedy: 'Install it: sudo apt-get install fswebcam',
        details: { command: 'fswebcam', debianPackage: 'fswebcam' },
      });
    }
    if (!device.startsWith('TEST:') && !existsSync(path)) {
      return new HeadlandError('HL_CAMERA_DEVICE_MISSING', `${path} does not exist`, {
        remedy:
          'Plug the camera in, or correct device in the configuration: `ls /dev/video*` lists cameras.',
        details: { device },
      });
    }
    const remedy = `Try it by hand: fswebcam -d ${device} test.jpg`;
    if (error) {
      const message = `fswebcam failed on ${device}: ${messageOf(error).trim().split('\n').at(-1)}`;
      return new HeadlandError('HL_CAMERA_EXITED', message, { remedy, details: { device } });
    }
    const message = `no complete JPEG from ${device}`;
    return new HeadlandError('HL_CAMERA_NO_PICTURE', message, {
      remedy,
      details: { device, bytes },
    });
  }
}

/** A new directory that only this user can enter (mkdtemp: 0700), with a name safe in a shell. */
async function privateDirectory(): Promise<string> {
  const parent = tmpdir();
  if (!SAFE_PATH.test(parent)) {
    throw new HeadlandError(
      'HL_CAMERA_DIRECTORY_REFUSED',
      `the temporary directory "${parent}" has a name that node-webcam cannot use`,
      {
        remedy: 'Set TMPDIR to a path of letters, digits, ".", "_" and "-".',
        details: { path: parent },
      },
    );
  }
  return mkdtemp(join(parent, 'headland-webcam-'));
}
