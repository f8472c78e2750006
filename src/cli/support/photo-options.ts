import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BoxUse } from '../../samples/folder/annotations/labelled-parts.js';
import { GROUP_METHODS, type GroupMethod } from '../../samples/grouping/groups.js';

/** Options of every command that reads a folder of photos. */
export interface PhotoOptions {
  groupPattern?: string;
  groupBy?: GroupMethod;
  followLinks?: boolean;
  layout?: 'auto' | 'classes';
  keepAlike?: boolean;
  boxes?: BoxUse;
  cropMargin?: number;
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
    .option('--keep-alike', 'keep labels that look alike, such as Apple and apple, as two classes')
    .addOption(
      new Option(
        '--boxes <use>',
        'boxes of annotations: cut each out as a picture, or import whole pictures with their class',
      )
        .choices(['crops', 'whole'])
        .default('crops'),
    )
    .option(
      '--crop-margin <share>',
      'widen each box on all sides by this share of its size, 0 to 1',
      parseMargin,
      0,
    );
}

function parseMargin(text: string): number {
  const share = text.trim() === '' ? Number.NaN : Number(text);
  if (share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('It is not a number from 0 to 1.');
}
