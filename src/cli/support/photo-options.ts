import { type Command, Option } from 'commander';
import { GROUP_METHODS, type GroupMethod } from '../../samples/grouping/groups.js';

/** Options of every command that reads a folder of photos. */
export interface PhotoOptions {
  groupPattern?: string;
  groupBy?: GroupMethod;
  followLinks?: boolean;
  layout?: 'auto' | 'classes';
  keepAlike?: boolean;
}

export function withPhotoOptions(command: Command): Command {
  return command
    .option(
      '--group-pattern <regexp>',
      'pictures whose paths match with the same captures form a group',
    )
    .addOption(
      new Option(
        '--group-by <way>',
        'other ways to group pictures (default: all, in this order)',
      ).choices(GROUP_METHODS),
    )
    .option('--follow-links', 'follow symbolic links that lead out of the folder')
    .addOption(
      new Option(
        '--layout <kind>',
        'auto: recognise splits such as train/ and known exports; classes: treat every folder as a class',
      )
        .choices(['auto', 'classes'])
        .default('auto'),
    )
    .option('--keep-alike', 'keep labels that look alike, such as Apple and apple, as two classes');
}
