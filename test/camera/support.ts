import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import sharp from 'sharp';
import { type AlarmSwitch, NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import type { CameraDriver, CapturedPicture, Frame } from '../../src/camera/camera.js';
import type { PictureSettings } from '../../src/camera/camera-settings.js';
import {
  type CameraState,
  CameraSupervisor,
  type FrameReceiver,
} from '../../src/camera/supervisor.js';
import type { CameraConfig } from '../../src/config/schema.js';
import { configSchema } from '../../src/config/schema.js';
import { HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';

/** For `test(…, { skip })`: false when a Debian tool is installed. */
export function withoutTool(tool: string): string | false {
  const { status } = spawnSync('sh', ['-c', `command -v ${tool}`]);
  return status !== 0 && `${tool} is missing: sudo apt-get install ${tool}`;
}

/** Skips the test when a Debian tool is not installed. */
export function needsTool(t: TestContext, tool: string): boolean {
  const missing = withoutTool(tool);
  if (missing !== false) t.skip(missing);
  return missing === false;
}

/** A camera section with every default filled in. */
export function cameraConfig<D extends CameraConfig['driver']>(
  section: { driver: D } & Record<string, unknown>,
): Extract<CameraConfig, { driver: D }> {
  const { cameras } = configSchema.parse({ cameras: [section] });
  return cameras[0] as Extract<CameraConfig, { driver: D }>;
}

/** What happens to every picture of a camera, with every default filled in. */
export function pictureSettings(settings: Record<string, unknown> = {}): PictureSettings {
  return cameraConfig({ driver: 'auto', ...settings });
}

/** A real JPEG with content that depends on `seed`. */
export async function makeJpeg(
  seed: number,
  options: { width?: number; height?: number; progressive?: boolean; exif?: Buffer } = {},
): Promise<Uint8Array> {
  const { width = 64, height = 48, progressive = false, exif } = options;
  const pixels = Buffer.alloc(width * height * 3);
  let state = seed + 1;
  for (let i = 0; i < pixels.length; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    pixels[i] = state >>> 24;
  }
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 80, progressive })
    .toBuffer();
  if (!exif) return new Uint8Array(jpeg);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(exif.length + 2);
  return new Uint8Array(
    Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1]), length, exif, jpeg.subarray(2)]),
  );
}

/** Ids of the living children of this process with that command name. */
export function childrenNamed(name: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((id) => {
      try {
        const status = readFileSync(`/proc/${id}/status`, 'utf8');
        return (
          status.includes(`Name:\t${name}\n`) &&
          status.includes(`\nPPid:\t${process.pid}\n`) &&
          !/\nState:\tZ/.test(status)
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resolves when `condition` holds; rejects after a limit that only a hang reaches. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + HANG_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether bytes decode as a picture. */
export async function sizeOf(picture: Uint8Array): Promise<{ width: number; height: number }> {
  const { info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height };
}

/** Captures until `enough` pictures came (or the source ends), then stops the driver. */
export async function collect(
  driver: Pick<CameraDriver, 'capture'>,
  enough = 1_000,
): Promise<CapturedPicture[]> {
  const pictures: CapturedPicture[] = [];
  const stop = new AbortController();
  await driver.capture((picture) => {
    pictures.push(picture);
    if (pictures.length >= enough) stop.abort();
  }, stop.signal);
  return pictures;
}

export interface Watched {
  supervisor: CameraSupervisor;
  frames: Frame[];
  /** The state at each change of phase. */
  states: CameraState[];
  /** Resolves when `condition` holds; it is looked at with each frame, change of phase and measurement. */
  until(condition: () => boolean, what: string): Promise<void>;
}

/** A supervised camera that starts at once and stops with the test. */
export function watch(
  t: TestContext,
  driver: CameraDriver,
  options: {
    stallMs?: number;
    groupWindowMs?: number;
    onFrame?: FrameReceiver;
    pictures?: Record<string, unknown>;
    alarms?: AlarmSwitch;
  } = {},
): Watched {
  const frames: Frame[] = [];
  const states: CameraState[] = [];
  const happened = new Recorder<void>();
  const supervisor = new CameraSupervisor(driver, {
    name: 'front',
    stallMs: options.stallMs ?? 20_000,
    backoff: { initialMs: 50, maxMs: 400 },
    groupWindowMs: options.groupWindowMs ?? 30_000,
    pictures: pictureSettings(options.pictures),
    pictureLimits: { maxBytes: 8_388_608, maxPixels: 10_000_000 },
    log: silentLog(),
    alarms: options.alarms ?? NO_ALARMS,
    onState: (state) => {
      states.push(state);
      happened.add();
    },
    onQuality: () => happened.add(),
  });
  supervisor.start((frame) => {
    frames.push(frame);
    happened.add();
    return options.onFrame?.(frame);
  });
  t.after(() => supervisor.stop());
  const until: Watched['until'] = async (condition, what) => {
    while (!condition()) await happened.next(undefined, what);
  };
  return { supervisor, frames, states, until };
}
