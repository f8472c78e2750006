import { Command } from 'commander';
import { Agent } from '../agent/agent.js';
import { messageOf } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { loadConfigFile } from '../config/load.js';
import { acquireInstanceLock } from '../host/instance-lock.js';
import { boundPictureMemory } from '../host/picture-memory.js';
import { DEFAULT_CONFIG_PATH } from './support/state-options.js';
import { packageVersion } from './support/version.js';

/** Runs the daemon until SIGTERM or SIGINT, then shuts it down in order. */
export function runCommand(): Command {
  return new Command('run')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(async (options: { config: string }) => {
      const config = loadConfigFile(options.config);
      const log = createLog({
        level: config.log.level,
        format: config.log.format,
        environment: process.env,
        bindings: { robot: config.robot.id },
      });
      const lock = await acquireInstanceLock(config.paths.stateDir, 'run');
      const agent = new Agent(config, { log, environment: process.env, version: packageVersion() });
      process.on('exit', () => agent.outputsOff());
      for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
        process.on(event, (error) => {
          log.fatal({ err: error }, `defect, exiting: ${messageOf(error)}`);
          process.exit(1);
        });
      }
      const stopped = new Promise<void>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) {
          process.once(signal, () => {
            log.info({ signal }, 'stopping');
            resolve();
          });
        }
      });
      try {
        await Promise.race([agent.start(), stopped]);
        boundPictureMemory();
        await stopped;
      } finally {
        await agent.stop();
        await lock.release();
      }
      log.info('stopped');
      // A start-up interrupted by the signal may still be opening parts that would keep the process alive.
      process.exit();
    });
}
