import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { answerLocally } from '../../agent/lifetime/local-contact.js';
import { createStateDir } from '../../agent/lifetime/state-folder.js';
import { openState } from '../../agent/open-state.js';
import { resolveCamera } from '../../agent/seeing/resolve-camera.js';
import { createLog } from '../../base/log.js';
import { validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { acquireInstanceLock } from '../../host/instance-lock.js';
import { WrittenBytes } from '../../host/written-bytes.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT } from '../support/output.js';
import { packageVersion } from '../support/version.js';
import { type DemoOptions, demoConfig, demoStateDir } from './demo-settings.js';
import { Demonstration } from './demonstration.js';
import { SIMULATED_FRAME_KEY } from './keys.js';

/** `npm start`: a real daemon whose frames are labelled automatically with the truth from their source. */
export function demoCommand(): Command {
  return new Command('demo')
    .option('--photos <dir>', 'use a folder of class folders instead of a camera')
    .option('--simulated', 'use the simulated field even if there is a camera')
    .option('--exit-after-training', 'exit after the training; the last line is JSON')
    .option('--state <dir>', 'folder of labels and heads (default: below ./.headland)')
    .option('--cache <dir>', 'folder of backbones (default: ~/.cache/headland)')
    .option('--fresh', 'delete the state of earlier runs first')
    .option('--verbose', 'also show the log')
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
        await introduce(config);
        const log = createLog({ level: config.log.level, fileDescriptor: 2 });
        const demonstration = new Demonstration(config, {
          log,
          environment: process.env,
          version: packageVersion(),
          writtenBytes: new WrittenBytes(),
          exitAfterTraining: options.exitAfterTraining === true,
          photos: options.photos !== undefined,
        });
        answerLocally(lock, stateDir, () => demonstration.agent, { demo: true });
        process.exitCode = await demonstration.run();
      } finally {
        await lock.release();
      }
      // A camera tool that does not exit must not block the terminal.
      if (process.exitCode === EXIT.ok) process.exit();
    });
}

/** Frame at which the last simulation stopped; 0 = first run. */
function simulatedFrame(stateDir: string): number {
  const state = openState(validateConfig({ paths: { stateDir } }));
  try {
    return Number(state.meta.get(SIMULATED_FRAME_KEY) ?? 0);
  } finally {
    state.close();
  }
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
