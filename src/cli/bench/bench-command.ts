import { Command, InvalidArgumentError } from 'commander';
import { withStateOptions } from '../support/state-options.js';
import type { BenchOptions } from './bench-board.js';

/** Measures the frame rate of this board and recommends settings. */
export function benchCommand(): Command {
  return withStateOptions(
    new Command('bench').argument('[name]', 'name of a model card (default: the configured one)'),
  )
    .option('--seconds <s>', 'approximate duration of the measurement', number(1, 3_600), 30)
    .option(
      '--threads <n>',
      'maximum number of threads to try (default: cores, at most 4)',
      number(1, 16),
    )
    .option('--json', 'print one JSON object')
    .action(async (name: string | undefined, options: BenchOptions) => {
      const { benchBoard } = await import('./bench-board.js');
      await benchBoard(name, options);
    });
}

function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}`);
  };
}
