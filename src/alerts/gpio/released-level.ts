import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Drivers with a setting for this, by label of their chips. */
const MODULES: Readonly<Record<string, string>> = {
  'pinctrl-bcm2835': 'pinctrl_bcm2835',
  'pinctrl-bcm2711': 'pinctrl_bcm2835',
  'pinctrl-rp1': 'pinctrl_rp1',
};

/**
 * Whether the kernel leaves an output of this chip at its level when its owner is killed. Kernels of
 * Raspberry Pi OS do, unless they are told otherwise.
 * @returns null when the kernel does not tell
 */
export function keepsReleasedLevel(
  chipLabel: string,
  modulesFolder = '/sys/module',
): boolean | null {
  const module = MODULES[chipLabel];
  if (module === undefined) return null;
  try {
    const file = join(modulesFolder, module, 'parameters', 'persist_gpio_outputs');
    return readFileSync(file, 'utf8').trim() === 'Y';
  } catch {
    return null;
  }
}
