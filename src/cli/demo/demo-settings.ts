import { createServer } from 'node:net';
import { basename, resolve } from 'node:path';
import { resolveCamera } from '../../agent/seeing/resolve-camera.js';
import { sha256Hex } from '../../base/hash.js';
import type { ResolvedCameraConfig } from '../../camera/open-driver.js';
import { FIELD_REGIONS, FIELD_TASKS } from '../../camera/simulated/field-track.js';
import { validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { userCacheDir } from '../support/state-options.js';

/** Fewest labels for a training. */
export const MIN_LABELS = 20;
/** Of each of the two cameras that show photos. */
const PHOTO_INTERVAL_MS = 60;
/** Where nobody watches. */
const FAST_PHOTO_INTERVAL_MS = 20;

export interface DemoOptions {
  photos?: string;
  state?: string;
  cache?: string;
  exitAfterTraining?: boolean;
  simulated?: boolean;
  fresh?: boolean;
  verbose?: boolean;
}

/** What a demonstration looks at. */
export type DemoSource = 'photos' | 'camera' | 'simulated';

/** Photos if given, else a camera, else the simulated field. */
export function demoSource(options: DemoOptions): DemoSource {
  if (options.photos !== undefined) return 'photos';
  if (options.simulated) return 'simulated';
  return detectedCamera().driver === 'simulated' ? 'simulated' : 'camera';
}

/** State folder of a demonstration: as given, else one folder per source. */
export function demoStateDir(options: DemoOptions): string {
  if (options.state !== undefined) return resolve(options.state);
  if (options.photos === undefined) {
    return resolve(demoSource(options) === 'simulated' ? '.headland/field' : '.headland/demo');
  }
  const path = resolve(options.photos);
  const digest = sha256Hex(path).slice(0, 8);
  return resolve(`.headland/photos-${basename(path)}-${digest}`);
}

export interface DemoPlace {
  stateDir: string;
  /** Of the simulated field. */
  startFrame: number;
  /** Folders of photos by the name of the camera that shows them; empty: another source. */
  photoFolders?: Readonly<Record<string, string>>;
}

/** The configuration of a demonstration, with frequent trainings and free ports. */
export async function demoConfig(
  options: DemoOptions,
  { stateDir, startFrame, photoFolders = {} }: DemoPlace,
): Promise<Config> {
  return validateConfig({
    robot: { id: 'demo' },
    paths: { stateDir, cacheDir: options.cache ?? userCacheDir(process.env) },
    cameras:
      options.photos === undefined
        ? [demoCamera(options, startFrame)]
        : photoCameras(options, photoFolders),
    tasks: demoSource(options) === 'simulated' ? FIELD_TASKS : [],
    // Of photos, a training follows each step of the labeller.
    training: { everyNewLabels: options.photos === undefined ? 24 : 0, minLabels: MIN_LABELS },
    mqtt: { commandsPerMinute: 60_000 },
    embeddedBroker: { port: await freePort(1_883) },
    console: { port: await freePort(8_090) },
    log: { level: options.verbose ? 'info' : 'error' },
  });
}

function photoCameras(
  { exitAfterTraining }: DemoOptions,
  folders: Readonly<Record<string, string>>,
): object[] {
  const intervalMs = exitAfterTraining ? FAST_PHOTO_INTERVAL_MS : PHOTO_INTERVAL_MS;
  return Object.entries(folders).map(([name, path]) => {
    return { name, driver: 'replay', path, intervalMs, loop: true, shuffleSeed: 1 };
  });
}

function demoCamera(options: DemoOptions, startFrame: number): object {
  if (demoSource(options) === 'camera') return detectedCamera();
  const intervalMs = 150;
  return { driver: 'simulated', intervalMs, startFrame, wheelTrack: true, regions: FIELD_REGIONS };
}

function detectedCamera(): ResolvedCameraConfig {
  const [auto] = validateConfig({ cameras: [{ driver: 'auto' }] }).cameras;
  return resolveCamera(auto!);
}

/** `preferred` if it is free on loopback, else 0: any free port. */
function freePort(preferred: number): Promise<number> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once('error', () => settle(0));
    probe.listen(preferred, '127.0.0.1', () => probe.close(() => settle(preferred)));
  });
}
