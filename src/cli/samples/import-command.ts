import { Command } from 'commander';
import { withPhotoOptions } from '../support/photo-options.js';
import { withTaskOptions } from '../support/state-options.js';
import type { ImportOptions } from './import-pictures.js';

/** Imports class folders of pictures as labelled samples; unusable pictures go into quarantine. */
export function importCommand(): Command {
  return withTaskOptions(
    withPhotoOptions(
      new Command('import').argument('<dir>', 'folder with one subfolder per label'),
    ),
    'task of the labels (default: where the robot has several, those that a table or an export names)',
  )
    .option('--label <name>', 'give all pictures in the folder and its subfolders this label')
    .option('--keep-split', 'never train on the test split (else the validation split)')
    .option('--regroup', 'also assign new groups to pictures that are already stored')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: ImportOptions) => {
      const { importPictures } = await import('./import-pictures.js');
      await importPictures(dir, options);
    });
}
