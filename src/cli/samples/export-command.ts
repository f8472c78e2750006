import { Command, Option } from 'commander';
import { SAMPLE_FORMATS } from '../../samples/folder/exporters/sample-formats.js';
import { withTaskOptions } from '../support/state-options.js';
import type { ExportOptions } from './export-pictures.js';

/**
 * Exports the stored pictures as class folders or for an annotation tool, with the metadata needed to
 * import them again.
 */
export function exportCommand(): Command {
  return withTaskOptions(
    new Command('export-samples').argument('<dir>', 'empty or new folder'),
    'export only this task of the robot',
  )
    .addOption(
      new Option('--as <format>', 'layout of the folder').choices(SAMPLE_FORMATS).default('folder'),
    )
    .option('--waiting', 'also export samples that wait for a label')
    .option('--no-position', 'leave out where the pictures were captured')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: ExportOptions) => {
      const { exportPictures } = await import('./export-pictures.js');
      await exportPictures(dir, options);
    });
}
