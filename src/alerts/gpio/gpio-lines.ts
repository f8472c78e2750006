import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';

/** A GPIO chip as sysfs lists it. */
export interface GpioChip {
  /** Number of its first line in the kernel's global numbering. */
  base: number;
  label: string;
  lines: number;
}

/** A line by its place on a chip: what is printed on boards and in data sheets. */
export interface GpioLine {
  line: number;
  /** Null: the first chip that has this line. */
  chipLabel: string | null;
}

/**
 * The GPIO chips of this board by rising base.
 *
 * @param folder `/sys/class/gpio`, or a tree like it
 * @throws HeadlandError HL_GPIO_UNAVAILABLE when the kernel has no GPIO in sysfs
 */
export function listGpioChips(folder: string): GpioChip[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new HeadlandError(
      'HL_GPIO_UNAVAILABLE',
      `${folder} cannot be read: ${messageOf(error)}`,
      {
        remedy:
          'Use a kernel with CONFIG_GPIO_SYSFS, and add the user of the daemon to the group gpio. Or set gpio.driver to none.',
        cause: error,
      },
    );
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
 * The kernel's global number of a line, which sysfs wants: kernels from 6.6 on count from 512 and
 * any chip can come first, so the number on the board must be added to its chip's base.
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
      remedy: `Correct line or chipLabel in gpio.outputs. There are ${known}.`,
      details: { line, chipLabel, chips },
    },
  );
}
