import { Command, InvalidArgumentError, Option } from 'commander';
import { GPIO_DRIVERS } from '../../config/sections/gpio.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import type { SetupOptions } from './set-up.js';
import { type OutputAnswer, parseOutput } from './setup-answers.js';

/** Asks five questions, writes the configuration and starts the service. */
export function setupCommand(): Command {
  return new Command('setup')
    .option('--config <file>', 'configuration file to write', DEFAULT_CONFIG_PATH)
    .option('--yes', 'ask nothing: answers are options, the rest stays as it is')
    .option('--force', 'replace an existing file; it is kept as FILE.bak, FILE.bak.1, …')
    .option('--start', 'start the service without asking')
    .option('--no-start', 'do not start the service')
    .option('--robot <id>', 'name of the robot in its topics')
    .option('--camera <what>', 'device, address, rpicam[:N], auto or simulated')
    .option('--broker <url>', 'address of the MQTT broker, or embedded')
    .option('--broker-user <name>', 'user at the broker')
    .option('--broker-password-file <file>', 'file with the password of that user')
    .addOption(new Option('--page <state>', 'whether to serve the web page').choices(['on', 'off']))
    .option('--page-address <host>', 'address that the page listens on')
    .addOption(new Option('--gpio <driver>', 'driver of outputs').choices(GPIO_DRIVERS))
    .option('--output <name=line...>', 'an output: name=line or name=line@chip', collectOutput)
    .action(async (options: SetupOptions) => {
      const { setUpHere } = await import('./set-up.js');
      await setUpHere(options);
    });
}

function collectOutput(text: string, before: OutputAnswer[] = []): OutputAnswer[] {
  const output = parseOutput(text);
  if (output === null) throw new InvalidArgumentError('Write name=line, or name=line@chip.');
  return [...before, output];
}
