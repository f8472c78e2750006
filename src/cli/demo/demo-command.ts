import { Command } from 'commander';
import type { DemoOptions } from './demo-settings.js';

/** `npm start`: a real daemon whose frames are labelled automatically with the truth from their source. */
export function demoCommand(): Command {
  return new Command('demo')
    .option('--photos <dir>', 'use a folder of class folders instead of a camera')
    .option('--simulated', 'use the simulated field even if there is a camera')
    .option('--exit-after-training', 'exit after the training; the last line is JSON')
    .option('--state <dir>', 'folder of labels and heads (default: below ./.headland)')
    .option('--cache <dir>', 'folder of backbones (default: ~/.cache/headland)')
    .option('--fresh', 'delete the state of earlier runs first')
    .option('--verbose', 'also show the log')
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./run-demo.js');
      await runDemo(options);
    });
}
