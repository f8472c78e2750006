import { type Command, Option } from 'commander';
import { GROUP_METHODS, type GroupMethod } from '../../samples/grouping/groups.js';

/** How a folder of photos is read, for every command that reads one. */
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
      'pictures whose path gives the same captures belong together',
    )
    .addOption(
      new Option(
        '--group-by <way>',
        'what else tells which pictures belong together (default: all, in this order)',
      ).choices(GROUP_METHODS),
    )
    .option('--follow-links', 'follow links that lead out of the folder')
    .addOption(
      new Option(
        '--layout <kind>',
        'auto: splits such as train/ and known exports are recognised; classes: each folder is a class, whatever it is called',
      )
        .choices(['auto', 'classes'])
        .default('auto'),
    )
    .option('--keep-alike', 'labels that look alike, as Apple and apple, stay two classes');
}
