import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadOnoff } from '../../src/alerts/gpio/onoff.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { HANG_MS } from '../liveness.js';

/** The chips of a Raspberry Pi 4 with Linux 6.6: not from 0, and not in the order of names. */
export const PI4 = [
  { base: 570, label: 'raspberrypi-exp-gpio', lines: 8 },
  { base: 512, label: 'pinctrl-bcm2711', lines: 58 },
];

/** A tree like `/sys/class/gpio`. */
export function sysfs(t: TestContext, chips = PI4): string {
  const root = mkdtempSync(join(tmpdir(), 'headland-gpio-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const { base, label, lines } of chips) {
    const chip = join(root, `gpiochip${base}`);
    mkdirSync(chip);
    writeFileSync(join(chip, 'base'), `${base}\n`);
    writeFileSync(join(chip, 'label'), `${label}\n`);
    writeFileSync(join(chip, 'ngpio'), `${lines}\n`);
  }
  for (const file of ['export', 'unexport']) writeFileSync(join(root, file), '');
  return root;
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
): Promise<unknown> {
  const failure = await loadOnoff().catch((error: unknown) => error);
  if (isHeadlandError(failure) && failure.remedy.includes('npm rebuild epoll')) {
    t.skip(failure.remedy);
    return null;
  }
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) {
    t.skip('a private mount namespace needs root');
    return null;
  }
  const onoff = fileURLToPath(new URL('../../../node_modules/onoff/package.json', import.meta.url));
  if (!existsSync(onoff)) {
    t.skip('the optional package onoff is not installed');
    return null;
  }
  const root = sysfs(t);
  // Lines that are exported already: the kernel's part of "export" cannot be had from files.
  for (const gpio of exported) {
    mkdirSync(join(root, `gpio${gpio}`));
    for (const file of ['direction', 'active_low', 'value']) {
      writeFileSync(join(root, `gpio${gpio}`, file), file === 'direction' ? 'in' : '0');
    }
  }
  const script =
    'mount -t tmpfs none /sys/class && mkdir /sys/class/gpio && ' +
    'mount --bind "$0" /sys/class/gpio && exec "$1" "$2"';
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', script, root, process.execPath, fileURLToPath(program)],
    { encoding: 'utf8', timeout: HANG_MS },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
