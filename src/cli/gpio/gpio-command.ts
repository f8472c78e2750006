import { Command } from 'commander';
import { parseWhole } from '../support/parse-whole.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import { listLines } from './gpio-list.js';
import { testOutput } from './gpio-test.js';
import { watchInputs } from './gpio-watch.js';

const seconds = parseWhole(1, 3_600);

/** Shows GPIO lines and tries those of the configuration, without the daemon. */
export function gpioCommand(): Command {
  const command = new Command('gpio');
  command
    .command('list')
    .description('list the GPIO chips and lines, who uses them, and what the configuration names')
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_PATH} if it exists)`)
    .option('--json', 'print one JSON object')
    .action(listLines);
  command
    .command('test')
    .description(
      'switch an output on as an alert would, then off; refused while a daemon is running',
    )
    .argument('<output>', 'name of an output in gpio.outputs')
    .option('--seconds <n>', 'how long an alert would last', seconds, 2)
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(testOutput);
  command
    .command('watch')
    .description('print presses of inputs until Ctrl-C; refused while a daemon is running')
    .argument('[inputs...]', 'names of inputs in gpio.inputs; default: all')
    .option('--seconds <n>', 'end after this time', seconds)
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(watchInputs);
  return command;
}
