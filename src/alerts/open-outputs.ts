import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import type { OutputDriver } from './alert-output.js';
import { NoOutputs } from './gpio/none.js';
import { loadOnoff, OnoffOutputs } from './gpio/onoff.js';

/**
 * Opens the configured outputs, all switched off. The caller must switch them off on exit as well:
 * `process.on('exit', () => outputs.allOff())`.
 *
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN
 */
export async function openOutputs(gpio: Config['gpio'], log: Log): Promise<OutputDriver> {
  switch (gpio.driver) {
    case 'none':
      return new NoOutputs();
    case 'onoff':
      return new OnoffOutputs(gpio.outputs, await loadOnoff(), log, '/sys/class/gpio');
  }
}
