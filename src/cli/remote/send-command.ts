import { Argument, Command } from 'commander';
import { COMMAND_NAMES } from '../../telemetry/contract/command-contract.js';
import { parseWhole } from '../support/parse-whole.js';
import { withStateOptions } from '../support/state-options.js';
import type { SendOptions } from './send.js';

const DEFAULT_TIMEOUT_SECONDS = 10;

/** Sends a command over the broker, signed if a key is given, and prints the answer. */
export function sendCommand(): Command {
  return withStateOptions(
    new Command('send')
      .addArgument(new Argument('<command>', 'the command').choices(COMMAND_NAMES))
      .argument('[fields]', 'its fields as a JSON object, such as \'{"what":"training"}\'', '{}'),
  )
    .option('--key <file>', 'private key that signs it (`headland keys new`)')
    .option('--robot <id>', 'the robot, instead of robot.id')
    .option('--url <url>', 'the broker, instead of mqtt.url')
    .option('--user <name>', 'user name at the broker of --url')
    .option('--password-file <file>', 'file with the password at the broker of --url')
    .option(
      '--timeout <seconds>',
      'time to wait for the connection and for the answer',
      parseWhole(1, 600),
      DEFAULT_TIMEOUT_SECONDS,
    )
    .option('--json', 'print one JSON object')
    .action(async (name: string, fields: string, options: SendOptions) => {
      const { send } = await import('./send.js');
      await send(name, fields, options);
    });
}
