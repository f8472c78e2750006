import { Command } from 'commander';
import type { EvaluateOptions } from './actions/evaluate-serving.js';
import { withTaskOptions } from './support/state-options.js';

/** Writes an evaluation report about the serving head; changes nothing. */
export function evaluateCommand(): Command {
  return withTaskOptions(new Command('evaluate'))
    .option('--out <dir>', 'folder for evaluation.html and evaluation.json', 'headland-evaluation')
    .option('--json', 'print one JSON object')
    .action(async (options: EvaluateOptions) => {
      const { evaluate } = await import('./actions/evaluate-serving.js');
      await evaluate(options);
    });
}
