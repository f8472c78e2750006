import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HANG_MS } from '../liveness.js';
import { gpioTree, usableOnoff } from './gpio-tree.js';

/** The chips of a Raspberry Pi 4 with Linux 6.6: not from 0, and not in the order of names. */
export const PI4 = [
  { base: 570, label: 'raspberrypi-exp-gpio', lines: 8 },
  { base: 512, label: 'pinctrl-bcm2711', lines: 58 },
];

/** A tree like `/sys/class/gpio`. */
export function sysfs(t: TestContext, chips = PI4): string {
  return gpioTree(t, chips).root;
}

/**
 * Runs a compiled program where `/sys/class/gpio` is a tree of its own with the lines `exported`,
 * by the real package onoff. Null where that cannot be: the test is skipped then.
 * @returns what the program printed, as JSON
 */
export async function runOnGpioMachine(
  t: TestContext,
  program: URL,
  exported: readonly number[],
  chips = PI4,
): Promise<unknown> {
  const skip = await usableOnoff();
  if (skip !== null) {
    t.skip(skip);
    return null;
  }
  const tree = gpioTree(t, chips, exported);
  const { status, stdout, stderr } = spawnSync(
    ...tree.command(process.execPath, fileURLToPath(program)),
    { encoding: 'utf8', timeout: HANG_MS },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
