import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { chooseLine, type KnownChip, type LineChoice } from './choose-line.js';

/** A GPIO chip listed in sysfs, which tells no names of lines. */
export interface SysfsChip extends KnownChip {
  /** Global kernel number of its first line. */
  base: number;
}

/**
 * The GPIO chips of this board, in ascending order of base.
 *
 * @param folder `/sys/class/gpio`, or a folder of the same layout
 * @throws HeadlandError HL_GPIO_UNAVAILABLE when sysfs lists no GPIO chip
 */
export function listSysfsChips(folder: string): SysfsChip[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new HeadlandError('HL_GPIO_UNAVAILABLE', `cannot read ${folder}: ${messageOf(error)}`, {
      remedy:
        'Leave gpio.driver at gpiochip, or use a kernel with CONFIG_GPIO_SYSFS. Without GPIO, set gpio.driver to none.',
      cause: error,
    });
  }
  const chips = names
    .filter((name) => /^gpiochip\d+$/.test(name))
    .map((name) => {
      const field = (file: string): string => readFileSync(join(folder, name, file), 'utf8').trim();
      const [base, lines] = [Number(field('base')), Number(field('ngpio'))];
      return { base, label: field('label'), lines, names: null };
    })
    .sort((a, b) => a.base - b.base);
  if (chips.length === 0) {
    throw new HeadlandError('HL_GPIO_UNAVAILABLE', `${folder} lists no GPIO chip`, {
      remedy:
        'Load the driver of the GPIO chip, or set gpio.driver to none on a board without GPIO.',
    });
  }
  return chips;
}

/**
 * The kernel's global number of a line, which sysfs requires. Kernels from 6.6 on count from 512 and
 * the order of chips is not fixed, so this adds the line's number on the board to its chip's base.
 *
 * @throws HeadlandError HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function globalLineNumber(choice: LineChoice, chips: readonly SysfsChip[]): number {
  const { chip, line } = chooseLine(choice, chips);
  return chip.base + line;
}
