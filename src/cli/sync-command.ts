import { Argument, Command } from 'commander';
import type { SyncOptions } from './actions/send-samples.js';
import { withStateOptions } from './support/state-options.js';

/** Sends chosen samples to the configured target, or shows what is still to send. */
export function syncCommand(): Command {
  return withStateOptions(
    new Command('sync').addArgument(
      new Argument('[status]', 'show what was sent and what is left, without sending').choices([
        'status',
      ]),
    ),
  )
    .option('--dry-run', 'show what would be sent')
    .option('--again', 'send everything again, for a target that has lost its copies')
    .option('--json', 'print one JSON object')
    .action(async (status: string | undefined, options: SyncOptions, command: Command) => {
      const { sendSamples } = await import('./actions/send-samples.js');
      await sendSamples(status, options, command);
    });
}
