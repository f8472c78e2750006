import { Command } from 'commander';
import type { TrainOptions } from './actions/train-here.js';
import { withTaskOptions } from './support/state-options.js';

/** Trains in this process; a running daemon switches to the new head within seconds. */
export function trainCommand(): Command {
  return withTaskOptions(new Command('train'))
    .option('--json', 'print one JSON object')
    .action(async (options: TrainOptions) => {
      const { trainHere } = await import('./actions/train-here.js');
      await trainHere(options);
    });
}
