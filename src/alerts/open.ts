import type { AlertRuleConfig, Config } from '../config/schema.js';
import { HeadlandError } from '../errors.js';
import type { Log } from '../log.js';
import { NoOutputs } from './none.js';
import { loadOnoff, OnoffOutputs } from './onoff.js';
import type { OutputDriver } from './output.js';

/**
 * Opens the configured outputs, all off. The caller switches them off on its way out as well:
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

/**
 * Finds at start-up what would otherwise fail at the first alert: a rule that switches an output
 * which is not configured. Without a driver any name will do.
 *
 * @throws HeadlandError HL_GPIO_OUTPUT_UNKNOWN
 */
export function checkRuleOutputs(rules: AlertRuleConfig[], gpio: Config['gpio']): void {
  if (gpio.driver === 'none') return;
  const names = gpio.outputs.map((output) => output.name);
  for (const { name, output } of rules) {
    if (output !== null && !names.includes(output)) {
      throw new HeadlandError(
        'HL_GPIO_OUTPUT_UNKNOWN',
        `alert rule "${name}" switches output "${output}", which is not configured`,
        {
          remedy: 'Add it to gpio.outputs or take it from the alert rule.',
          details: { rule: name, output, outputs: names },
        },
      );
    }
  }
}
