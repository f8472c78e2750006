import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answerLocally } from '../../agent/lifetime/local-contact.js';
import { createStateDir } from '../../agent/lifetime/state-folder.js';
import { acquireStateLock } from '../../agent/lifetime/state-lock.js';
import { openState } from '../../agent/open-state.js';
import { resolveCamera } from '../../agent/seeing/resolve-camera.js';
import { RobotSettings } from '../../agent/settings/robot-settings.js';
import { createLog } from '../../base/log.js';
import { LogMemory } from '../../base/log-memory.js';
import { validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { WrittenBytes } from '../../host/written-bytes.js';
import { showProgress } from '../progress/progress.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT } from '../support/output.js';
import { packageVersion } from '../support/version.js';
import { type DemoOptions, demoConfig, demoStateDir } from './demo-settings.js';
import { Demonstration } from './demonstration.js';
import { SIMULATED_FRAME_KEY } from './keys.js';
import { labelledOrigins } from './labelled-origins.js';
import { linkPhotos, PHOTO_CAMERAS } from './photos/photo-links.js';
import { type FoundPhotos, findPhotos, planPhotos } from './photos/photo-plan.js';
import type { PhotoPlan } from './photos/planned-photo.js';

interface EarlierRun {
  /** Frame at which the last simulation stopped; 0 = first run. */
  startFrame: number;
  /** Origins of the samples that have a label. */
  labelled: ReadonlySet<string>;
}

function earlierRun(stateDir: string): EarlierRun {
  const state = openState(validateConfig({ paths: { stateDir } }));
  try {
    const startFrame = Number(state.meta.get(SIMULATED_FRAME_KEY) ?? 0);
    const labelled = new Set(state.tasks.flatMap(({ samples }) => [...labelledOrigins(samples)]));
    return { startFrame, labelled };
  } finally {
    state.close();
  }
}

/** Divides the photos, and makes a folder of each part. */
async function preparePhotos(
  dir: string,
  found: FoundPhotos,
  { labelled }: EarlierRun,
  stateDir: string,
): Promise<{ plan: PhotoPlan; folders: Record<string, string> }> {
  const progress = showProgress();
  const plan = await planPhotos(dir, found, labelled, (done, total) =>
    progress.show({ what: 'dividing photos', done, total, unit: 'photos' }),
  ).finally(() => progress.stop());
  const { taught, untaught } = linkPhotos(join(stateDir, 'photos'), plan);
  const folders: Record<string, string> = { [PHOTO_CAMERAS.taught]: taught };
  if (plan.untaught.length > 0) folders[PHOTO_CAMERAS.untaught] = untaught;
  return { plan, folders };
}

/** Prints the backbone and the cameras, and fetches the backbone. */
async function introduce(config: Config): Promise<void> {
  process.stdout.write(`headland ${packageVersion()}\n  backbone   ${config.models.backbone} …\n`);
  await fetchBackbone(config, createLog({ level: 'error', fileDescriptor: 2 }));
  for (const camera of config.cameras.map((camera) => resolveCamera(camera))) {
    const note = camera.driver === 'simulated' ? ' (a simulated field, not a real camera)' : '';
    process.stdout.write(`  camera     ${camera.name}: ${camera.driver}${note}\n`);
  }
  for (const { name, regions } of config.tasks) {
    process.stdout.write(`  task       ${name}, of the region ${regions.join(', ')}\n`);
  }
}

/** Runs the demonstration to its end. */
export async function runDemo(options: DemoOptions): Promise<void> {
  // Before anything is created or started.
  const found = options.photos === undefined ? null : await findPhotos(options.photos);
  const stateDir = demoStateDir(options);
  createStateDir(stateDir);
  const lock = await acquireStateLock(stateDir, 'run');
  try {
    if (options.fresh) {
      // Without its locks another process could take the folder meanwhile.
      const entries = readdirSync(stateDir).filter((entry) => !entry.endsWith('.lock'));
      for (const entry of entries) rmSync(join(stateDir, entry), { recursive: true });
    }
    const earlier = earlierRun(stateDir);
    const photos =
      found === null ? null : await preparePhotos(options.photos ?? '', found, earlier, stateDir);
    const config = await demoConfig(options, {
      stateDir,
      startFrame: earlier.startFrame,
      ...(photos ? { photoFolders: photos.folders } : {}),
    });
    await introduce(config);
    const logMemory = new LogMemory();
    const log = createLog({ level: config.log.level, fileDescriptor: 2, memory: logMemory });
    const demonstration = new Demonstration(config, {
      log,
      environment: process.env,
      version: packageVersion(),
      writtenBytes: new WrittenBytes(),
      logMemory,
      settings: new RobotSettings({
        configFile: null,
        running: () => config,
        reload: () => Promise.resolve(null),
        restart: null,
        log,
      }),
      exitAfterTraining: options.exitAfterTraining === true,
      photos: photos?.plan ?? null,
    });
    answerLocally(lock, stateDir, () => demonstration.agent, { demo: true });
    process.exitCode = await demonstration.run();
  } finally {
    await lock.release();
  }
  // A camera tool that does not exit must not block the terminal.
  if (process.exitCode === EXIT.ok) process.exit();
}
