import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { createStateDir, openState } from '../../agent/open-state.js';
import { resolveCamera } from '../../agent/seeing/resolve-camera.js';
import { createLog } from '../../base/log.js';
import { validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { acquireInstanceLock } from '../../host/instance-lock.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT } from '../support/output.js';
import { packageVersion } from '../support/version.js';
import { type DemoOptions, demoConfig, demoStateDir } from './demo-settings.js';
import { Demonstration } from './demonstration.js';
import { SIMULATED_FRAME_KEY } from './keys.js';

/** `npm start`: everything real, except that a stand-in labels what the source says is there. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'camera, or its stand-in, embedded broker, labels over MQTT, real training, web page',
    )
    .option('--photos <dir>', 'show a folder of class folders instead of a camera')
    .option('--simulated', 'show the simulated field although there is a camera')
    .option('--exit-after-training', 'end after the training; the last line is JSON')
    .option('--state <dir>', 'where labels and heads are kept (default: below ./.headland)')
    .option('--cache <dir>', 'where backbones are kept (default: ~/.cache/headland)')
    .option('--fresh', 'forget what earlier runs kept')
    .option('--verbose', 'show the log too')
    .action(async (options: DemoOptions) => {
      const stateDir = demoStateDir(options);
      createStateDir(stateDir);
      const lock = await acquireInstanceLock(stateDir, 'run');
      try {
        if (options.fresh) {
          rmSync(stateDir, { recursive: true });
          createStateDir(stateDir);
        }
        const config = await demoConfig(options, {
          stateDir,
          startFrame: simulatedFrame(stateDir),
        });
        await showWhatIsOpened(config);
        const log = createLog({ level: config.log.level, fileDescriptor: 2 });
        const demonstration = new Demonstration(config, {
          log,
          environment: process.env,
          version: packageVersion(),
          exitAfterTraining: options.exitAfterTraining === true,
          photos: options.photos !== undefined,
        });
        process.exitCode = await demonstration.run();
      } finally {
        await lock.release();
      }
      // A camera tool that does not let go must not hold the terminal.
      if (process.exitCode === EXIT.ok) process.exit();
    });
}

/** Where the simulated drive stopped last time; 0 = it begins. */
function simulatedFrame(stateDir: string): number {
  const state = openState(validateConfig({ paths: { stateDir } }));
  try {
    return Number(state.meta.get(SIMULATED_FRAME_KEY) ?? 0);
  } finally {
    state.close();
  }
}

async function showWhatIsOpened(config: Config): Promise<void> {
  process.stdout.write(`headland ${packageVersion()}\n  backbone   ${config.models.backbone} …\n`);
  await fetchBackbone(config, createLog({ level: 'error', fileDescriptor: 2 }), {});
  for (const camera of config.cameras.map((camera) => resolveCamera(camera))) {
    const note = camera.driver === 'simulated' ? ' (a drawing of a field, not a real camera)' : '';
    process.stdout.write(`  camera     ${camera.name}: ${camera.driver}${note}\n`);
  }
}
