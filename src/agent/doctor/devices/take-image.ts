import { deserialiseError } from '../../../base/errors.js';
import { silentLog } from '../../../base/log.js';
import type { CapturedPicture } from '../../../camera/camera.js';
import { CameraRun } from '../../../camera/camera-run.js';
import { createDriver, type ResolvedCameraConfig } from '../../../camera/open-driver.js';
import { isLive } from '../../seeing/is-live.js';

/** A camera that has sent nothing for this long has failed, however patient the daemon is. */
const MAX_STALL_MS = 15_000;
/** Cameras need some images until exposure and white balance fit. */
const SETTLING_IMAGES = 5;
const SETTLING_MS = 3_000;
/** Pace at which the check reads a camera that the daemon reads more slowly. */
const LEAST_FRAMES_PER_SECOND = 5;
const MAX_INTERVAL_MS = 500;

export interface TakenImage {
  image: Uint8Array;
  /** A live camera has sent the same bytes every time. */
  isFrozen: boolean;
  /** Driver and device, without secrets. */
  description: string;
}

/**
 * Opens a camera with its driver, takes an image and closes it. Takes at most 20 seconds.
 * @throws HeadlandError HL_CAMERA_…
 */
export async function takeImage(config: ResolvedCameraConfig): Promise<TakenImage> {
  const camera = unhurried(config);
  const driver = createDriver(camera, { log: silentLog() });
  const wanted = isLive(camera) ? SETTLING_IMAGES : 1;
  const stop = new AbortController();
  const last: CapturedPicture[] = [];
  let count = 0;
  let settled: NodeJS.Timeout | null = null;
  // Without `paceMs`, which would prolong the wait for the first image.
  const paced = {
    description: driver.description,
    get invalidPictures() {
      return driver.invalidPictures ?? 0;
    },
    capture: driver.capture.bind(driver),
  };
  const run = new CameraRun(paced, Math.min(camera.stallMs, MAX_STALL_MS));
  const failure = await run.capture((picture) => {
    count += 1;
    last.push(picture);
    if (last.length > 2) last.shift();
    settled ??= setTimeout(() => stop.abort(), SETTLING_MS);
    if (count >= wanted) stop.abort();
  }, stop.signal);
  if (settled !== null) clearTimeout(settled);
  const [before, newest = before] = last;
  if (newest === undefined) {
    throw deserialiseError(failure ?? ended(driver.description));
  }
  const isFrozen =
    wanted > 1 && count >= 2 && before !== undefined && same(before.jpeg, newest.jpeg);
  return { image: newest.jpeg, isFrozen, description: driver.description };
}

/** As configured, but not slower than a person wants to wait. */
function unhurried(camera: ResolvedCameraConfig): ResolvedCameraConfig {
  switch (camera.driver) {
    case 'ffmpeg':
    case 'rpicam': {
      const framesPerSecond = Math.max(camera.framesPerSecond, LEAST_FRAMES_PER_SECOND);
      return { ...camera, framesPerSecond };
    }
    case 'pipe':
      return camera;
    case 'webcam':
    case 'replay':
    case 'simulated':
      return { ...camera, intervalMs: Math.min(camera.intervalMs, MAX_INTERVAL_MS) };
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function ended(description: string) {
  return {
    code: 'HL_CAMERA_NO_PICTURE' as const,
    message: `${description} ended without an image`,
    remedy: 'Name a file or an address with at least one image.',
    details: {},
  };
}
