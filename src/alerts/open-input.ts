import type { Config } from '../config/schema.js';
import { gpiochipInput } from './gpio/gpiochip.js';
import type { InputConfig } from './gpio/held-input.js';
import { type Kernel, libcKernel } from './gpio/kernel.js';
import { loadOnoff, onoffInput } from './gpio/onoff.js';
import type { InputLine } from './input-line.js';

/** Drivers that have inputs. */
export type InputDriver = Exclude<Config['gpio']['driver'], 'none'>;

/**
 * Opens one input.
 * @param openKernel the system calls of the driver gpiochip
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export async function openInput(
  driver: InputDriver,
  input: InputConfig,
  openKernel: () => Kernel = libcKernel,
): Promise<InputLine> {
  if (driver === 'onoff') return onoffInput(input, await loadOnoff(), '/sys/class/gpio');
  return gpiochipInput(input, openKernel());
}
