import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { describeChoice } from '../../../alerts/gpio/choose-line.js';
import { type Kernel, libcKernel } from '../../../alerts/gpio/kernel.js';
import { loadOnoff } from '../../../alerts/gpio/onoff.js';
import { globalLineNumber, listSysfsChips } from '../../../alerts/gpio/sysfs-chips.js';
import { type ConfiguredLine, configuredLines, surveyLines } from '../../../alerts/survey-lines.js';
import { HeadlandError, messageOf } from '../../../base/errors.js';
import { type Finding, failed, ok, type RobotContext, skipped } from '../doctor-check.js';

/**
 * Whether the driver of outputs and buttons loads, and which line is which. No line is claimed or
 * switched.
 * @param openKernel the system calls of the driver gpiochip
 */
export async function checkGpio(
  { config, roots, daemon }: RobotContext,
  openKernel: () => Kernel = libcKernel,
): Promise<Finding[]> {
  const { driver } = config.gpio;
  const configured = configuredLines(config.gpio);
  if (configured.length === 0) return [skipped('no outputs or buttons are configured')];
  switch (driver) {
    case 'none':
      return [skipped('gpio.driver is none: alerts switch nothing')];
    case 'onoff':
      return checkOnoff(configured, join(roots.sys, 'class/gpio'));
    case 'gpiochip':
      return checkGpiochip(configured, openKernel(), await daemon.running());
  }
}

function checkGpiochip(
  configured: readonly ConfiguredLine[],
  kernel: Kernel,
  isHeld: boolean,
): Finding[] {
  const { chips, faults } = surveyLines(configured, kernel);
  const faulty = faults.map(({ kind, name, code, message, remedy }) =>
    failed(new HeadlandError(code, message, { remedy }), { subject: `${kind} ${name}` }),
  );
  const found = chips.flatMap(({ path, label, keepsReleasedLevel, lines }) =>
    lines.flatMap(({ line, name, used, consumer, configuredAs }) => {
      if (configuredAs === null) return [];
      const place = `line ${line}${name === null ? '' : ` (${name})`} of ${label} (${path})`;
      const subject = configuredAs;
      if (used && !isHeld) return [failed(inUse(place, consumer), { subject })];
      const keeps = keepsReleasedLevel
        ? ', which keeps the level when the daemon is killed: dtparam=strict_gpiod changes that'
        : '';
      return [ok(`${place}${keeps}`, { subject, facts: { path, label, line, name } })];
    }),
  );
  return [...faulty, ...found];
}

function inUse(place: string, consumer: string | null): HeadlandError {
  const user = consumer === null ? 'the kernel' : `"${consumer}"`;
  return new HeadlandError('HL_GPIO_UNAVAILABLE', `${place} is used by ${user}`, {
    remedy: 'End the program that uses the line: `headland gpio list` shows who uses which line.',
  });
}

/** @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS */
async function checkOnoff(
  configured: readonly ConfiguredLine[],
  folder: string,
): Promise<Finding[]> {
  await loadOnoff();
  const chips = listSysfsChips(folder);
  requireExport(folder);
  return configured.map(({ kind, name, choice }) => {
    const number = globalLineNumber(choice, chips);
    const chip = chips.find(({ base, lines }) => number >= base && number < base + lines);
    const reason = `${describeChoice(choice)} of ${chip?.label ?? 'an unknown chip'} (gpio${number})`;
    return ok(reason, { subject: `${kind} ${name}`, facts: { number, chip: chip?.label ?? null } });
  });
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
