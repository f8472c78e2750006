import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';

/** A GPIO chip listed in sysfs. */
export interface GpioChip {
  /** Global kernel number of its first line. */
  base: number;
  label: string;
  lines: number;
}

/** A line by its number on a chip, as printed on boards and in data sheets. */
export interface GpioLine {
  line: number;
  /** Null: the first chip that has this line. */
  chipLabel: string | null;
}

/**
 * The GPIO chips of this board, in ascending order of base.
 *
 * @param folder `/sys/class/gpio`, or a folder of the same layout
 * @throws HeadlandError HL_GPIO_UNAVAILABLE when sysfs lists no GPIO chip
 */
export function listGpioChips(folder: string): GpioChip[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new HeadlandError('HL_GPIO_UNAVAILABLE', `cannot read ${folder}: ${messageOf(error)}`, {
      remedy:
        'Use a kernel with CONFIG_GPIO_SYSFS, and add the user of the daemon to the group gpio. Or set gpio.driver to none.',
      cause: error,
    });
  }
  const chips = names
    .filter((name) => /^gpiochip\d+$/.test(name))
    .map((name) => {
      const field = (file: string): string => readFileSync(join(folder, name, file), 'utf8').trim();
      return { base: Number(field('base')), label: field('label'), lines: Number(field('ngpio')) };
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
 * @throws HeadlandError HL_GPIO_LINE_UNKNOWN
 */
export function globalLineNumber({ line, chipLabel }: GpioLine, chips: GpioChip[]): number {
  const chip = chips.find((c) => line < c.lines && (chipLabel === null || c.label === chipLabel));
  if (chip !== undefined) return chip.base + line;
  const known = chips.map((c) => `${c.label} (lines 0 to ${c.lines - 1})`).join(', ');
  throw new HeadlandError(
    'HL_GPIO_LINE_UNKNOWN',
    `no GPIO chip${chipLabel === null ? '' : ` labelled "${chipLabel}"`} has a line ${line}`,
    {
      remedy: `Correct line or chipLabel in gpio.outputs. This board has ${known}.`,
      details: { line, chipLabel, chips },
    },
  );
}
