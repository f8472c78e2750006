import { createServer } from 'node:net';
import { basename, resolve } from 'node:path';
import { resolveCamera } from '../../agent/seeing/resolve-camera.js';
import { sha256Hex } from '../../base/hash.js';
import { validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { userCacheDir } from '../support/state-options.js';

export interface DemoOptions {
  photos?: string;
  state?: string;
  cache?: string;
  exitAfterTraining?: boolean;
  simulated?: boolean;
  fresh?: boolean;
  verbose?: boolean;
}

/** State folder of a demonstration: as given, else one folder per source. */
export function demoStateDir(options: DemoOptions): string {
  if (options.state !== undefined) return resolve(options.state);
  if (options.photos === undefined) return resolve('.headland/demo');
  const path = resolve(options.photos);
  const digest = sha256Hex(path).slice(0, 8);
  return resolve(`.headland/photos-${basename(path)}-${digest}`);
}

/** The configuration of a demonstration, with frequent trainings and free ports. */
export async function demoConfig(
  options: DemoOptions,
  { stateDir, startFrame }: { stateDir: string; startFrame: number },
): Promise<Config> {
  return validateConfig({
    robot: { id: 'demo' },
    paths: { stateDir, cacheDir: options.cache ?? userCacheDir(process.env) },
    cameras: [demoCamera(options, startFrame)],
    training: { everyNewLabels: everyNewLabels(options), minLabels: 20 },
    mqtt: { commandsPerMinute: 60_000 },
    embeddedBroker: { port: await freePort(1_883) },
    console: { port: await freePort(8_090) },
    log: { level: options.verbose ? 'info' : 'error' },
  });
}

/** With --photos --exit-after-training, a single training on all pictures runs at the end. */
function everyNewLabels({ photos, exitAfterTraining }: DemoOptions): number {
  if (photos === undefined) return 24;
  return exitAfterTraining ? 0 : 240;
}

function demoCamera(options: DemoOptions, startFrame: number): object {
  if (options.photos !== undefined) {
    const once = options.exitAfterTraining === true;
    return {
      driver: 'replay',
      path: resolve(options.photos),
      intervalMs: once ? 0 : 100,
      loop: !once,
      shuffleSeed: 1,
    };
  }
  const [auto] = validateConfig({ cameras: [{ driver: 'auto' }] }).cameras;
  const found = options.simulated ? null : resolveCamera(auto!);
  if (found && found.driver !== 'simulated') return found;
  return { driver: 'simulated', intervalMs: 150, startFrame };
}

/** `preferred` if it is free on loopback, else 0: any free port. */
function freePort(preferred: number): Promise<number> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once('error', () => settle(0));
    probe.listen(preferred, '127.0.0.1', () => probe.close(() => settle(preferred)));
  });
}
