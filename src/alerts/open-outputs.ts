import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import type { OutputDriver } from './alert-output.js';
import { gpiochipOutputs } from './gpio/gpiochip.js';
import { type Kernel, libcKernel } from './gpio/kernel.js';
import { NoOutputs } from './gpio/none.js';
import { loadOnoff, onoffOutputs } from './gpio/onoff.js';

/**
 * Opens the configured outputs, all switched off. Without outputs, no device is touched. The caller must
 * switch them off on exit as well: `process.on('exit', () => outputs.allOff())`.
 *
 * @param openKernel the system calls of the driver gpiochip
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export async function openOutputs(
  { driver, outputs }: Pick<Config['gpio'], 'driver' | 'outputs'>,
  log: Log,
  openKernel: () => Kernel = libcKernel,
): Promise<OutputDriver> {
  if (outputs.length === 0 || driver === 'none') return new NoOutputs();
  if (driver === 'onoff') return onoffOutputs(outputs, await loadOnoff(), log, '/sys/class/gpio');
  return gpiochipOutputs(outputs, openKernel(), log);
}
