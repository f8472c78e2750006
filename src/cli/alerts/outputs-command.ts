import { Command } from 'commander';
import { openOutputs } from '../../alerts/open-outputs.js';
import { isHeadlandError } from '../../base/errors.js';
import { loadSection } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { daemonLock } from '../gpio/daemon-lock.js';
import { commandLog } from '../support/command-log.js';
import { EXIT, printLine, reportFailure } from '../support/output.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';

/**
 * Switches outputs off after a daemon that could not do so itself: one that was killed, crashed or
 * failed to start. Needs only the section `gpio` of the configuration, and nothing of the state.
 */
export function outputsCommand(): Command {
  const command = new Command('outputs');
  command
    .command('off')
    .description('switch every configured output off; refused while a daemon is running')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(async ({ config }: { config: string }) => {
      const gpio = loadSection(config, 'gpio');
      if (gpio.driver === 'none' || gpio.outputs.length === 0) {
        printLine('no outputs are configured');
        return;
      }
      const lock = await daemonLock(config);
      try {
        for (const output of gpio.outputs) {
          if (!(await switchOff(gpio.driver, output))) process.exitCode = EXIT.failed;
        }
      } finally {
        await lock?.release();
      }
    });
  return command;
}

/** Opens each output separately, so that one unavailable line does not leave the others on. */
async function switchOff(
  driver: Config['gpio']['driver'],
  output: Config['gpio']['outputs'][number],
): Promise<boolean> {
  try {
    // Opening switches off.
    const outputs = await openOutputs({ driver, outputs: [output] }, commandLog());
    outputs.close();
    printLine(`${output.name}: off`);
    return true;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    reportFailure(error, {});
    return false;
  }
}
