import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../base/errors.js';
import {
  DEFAULT_VARIANTS,
  parseVariants,
  type Variant,
} from '../evaluation/study/study-variants.js';
import type { StudyOptions } from './actions/study-photos.js';
import { parseWhole } from './support/parse-whole.js';
import { withPhotoOptions } from './support/photo-options.js';
import { withStateOptions } from './support/state-options.js';

/** Compares networks trained from scratch with the frozen backbone, on the user's own photos. */
export function studyCommand(): Command {
  return withStateOptions(
    withPhotoOptions(
      new Command('study').argument('<dir>', 'folder with one folder of photos per class'),
    ),
  )
    .option('--out <dir>', 'folder for study.html and study.json', 'headland-study')
    .option('--epochs <n>', 'epochs: passes over the photos, 1 to 500', parseWhole(1, 500), 20)
    .option(
      '--size <pixels>',
      'side of the input of the networks, 16 to 224',
      parseWhole(16, 224),
      64,
    )
    .option(
      '--folds <k>',
      'number of folds; each group is held out once, 2 to 20 (default: 5, or fewer with less than 10 groups)',
      parseWhole(2, 20),
    )
    .addOption(
      new Option(
        '--variants <list>',
        'comma-separated: backbone, plain, or terms joined by +: augmentation, dropout=RATE, l2=PENALTY, lr=RATE',
      )
        .argParser(readVariants)
        .default(parseVariants(DEFAULT_VARIANTS), DEFAULT_VARIANTS.replaceAll(',', ', ')),
    )
    .option(
      '--budget-seconds <s>',
      'time budget; epochs and folds are reduced to fit',
      parseWhole(1, 864_000),
      1_800,
    )
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: StudyOptions) => {
      const { study } = await import('./actions/study-photos.js');
      await study(dir, options);
    });
}

function readVariants(text: string): Variant[] {
  try {
    return parseVariants(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
