import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { globalLineNumber, listGpioChips } from '../../../alerts/gpio/gpio-lines.js';
import { loadOnoff } from '../../../alerts/gpio/onoff.js';
import { HeadlandError, messageOf } from '../../../base/errors.js';
import { type Finding, ok, type RobotContext, skipped } from '../doctor-check.js';

/** Whether the driver of the outputs loads, and which line is which. No line is claimed or switched. */
export async function checkGpio({ config, roots }: RobotContext): Promise<Finding[]> {
  const { driver, outputs } = config.gpio;
  switch (driver) {
    case 'none':
      return [skipped('gpio.driver is none: alerts switch nothing')];
    case 'onoff':
      return checkOnoff(outputs, join(roots.sys, 'class/gpio'));
  }
}

async function checkOnoff(
  outputs: RobotContext['config']['gpio']['outputs'],
  folder: string,
): Promise<Finding[]> {
  await loadOnoff();
  const chips = listGpioChips(folder);
  requireExport(folder);
  const lines = outputs.map((output) => {
    const number = globalLineNumber(output, chips);
    const chip = chips.find(({ base, lines: count }) => number >= base && number < base + count);
    const level = output.activeLow ? ', active low' : '';
    const reason = `line ${output.line} of ${chip?.label ?? 'an unknown chip'} (gpio${number}${level})`;
    return ok(reason, { subject: output.name, facts: { number, chip: chip?.label ?? null } });
  });
  return lines.length > 0 ? lines : [ok('the driver onoff loads; no outputs are configured')];
}

/** @throws HeadlandError HL_GPIO_UNAVAILABLE */
function requireExport(folder: string): void {
  const file = join(folder, 'export');
  try {
    accessSync(file, constants.W_OK);
  } catch (cause) {
    throw new HeadlandError('HL_GPIO_UNAVAILABLE', `no write access: ${messageOf(cause)}`, {
      remedy:
        'Add the user of the daemon to the group gpio; for the service, install the drop-in sysfs-gpio.conf (docs/reference/systemd.md).',
      cause,
    });
  }
}
