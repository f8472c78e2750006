import { Command } from 'commander';
import { openOutputs } from '../alerts/open-outputs.js';
import { isHeadlandError } from '../base/errors.js';
import { loadSection } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { acquireInstanceLock, type InstanceLock } from '../host/instance-lock.js';
import { EXIT, printLine, reportFailure } from './support/output.js';
import { commandLog, DEFAULT_CONFIG_PATH } from './support/state-options.js';

/**
 * For the end of a daemon that could not see to it itself: killed, crashed, or not even started. Of the
 * configuration it needs the section `gpio` alone, and nothing of the state.
 */
export function outputsCommand(): Command {
  const command = new Command('outputs').description('the GPIO outputs that alerts switch');
  command
    .command('off')
    .description('switch every configured output off; refused while a daemon runs, which does it')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(async ({ config }: { config: string }) => {
      const gpio = loadSection(config, 'gpio');
      if (gpio.driver === 'none' || gpio.outputs.length === 0) {
        printLine('no output is configured');
        return;
      }
      const lock = await lockOf(config);
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

/**
 * The lock of the daemon with this configuration; null where no state folder can be made out.
 * @throws HeadlandError HL_ALREADY_RUNNING
 */
async function lockOf(config: string): Promise<InstanceLock | null> {
  let stateDir: string;
  try {
    ({ stateDir } = loadSection(config, 'paths'));
  } catch {
    return null;
  }
  return acquireInstanceLock(stateDir, 'run');
}

/** One by one: a line that cannot be had must not leave the others on. */
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
