import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadOnoff } from '../../src/alerts/gpio/onoff.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { temporaryFolder } from '../temporary-folder.js';

export interface Chip {
  base: number;
  label: string;
  lines: number;
}

/** A tree like /sys/class/gpio, and what runs a program that sees it there. */
export interface GpioTree {
  root: string;
  /** @param words the program and its arguments, unless they are added later */
  command(...words: string[]): [string, string[]];
}

const MOUNT =
  'mount -t tmpfs none /sys/class && mkdir /sys/class/gpio && ' +
  'mount --bind "$0" /sys/class/gpio && exec "$@"';

/**
 * @param exported lines that are there already, and on: the kernel's part of "export" cannot be had
 *   from files
 */
export function gpioTree(
  t: Pick<TestContext, 'after'>,
  chips: readonly Chip[],
  exported: readonly number[] = [],
): GpioTree {
  const root = temporaryFolder(t);
  for (const chip of chips) addChip(root, chip);
  for (const file of ['export', 'unexport']) writeFileSync(join(root, file), '');
  for (const gpio of exported) {
    mkdirSync(join(root, `gpio${gpio}`));
    const line = { direction: 'in', active_low: '0', value: '1', edge: 'none' };
    for (const [file, text] of Object.entries(line)) {
      writeFileSync(join(root, `gpio${gpio}`, file), text);
    }
  }
  return {
    root,
    command: (...words) => ['unshare', ['--mount', 'sh', '-c', MOUNT, root, ...words]],
  };
}

/** A chip that comes later: its driver was loaded, or it was plugged in. */
export function addChip(root: string, { base, label, lines }: Chip): void {
  const chip = join(root, `gpiochip${base}`);
  mkdirSync(chip);
  writeFileSync(join(chip, 'base'), `${base}\n`);
  writeFileSync(join(chip, 'label'), `${label}\n`);
  writeFileSync(join(chip, 'ngpio'), `${lines}\n`);
}

/** Why the real package cannot be tried on a tree here; null: it can. */
export async function usableOnoff(): Promise<string | null> {
  const onoff = fileURLToPath(new URL('../../../node_modules/onoff/package.json', import.meta.url));
  if (!existsSync(onoff)) return 'the optional package onoff is not installed';
  const failure = await loadOnoff().catch((error: unknown) => error);
  if (isHeadlandError(failure)) return failure.remedy;
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) {
    return 'a private mount namespace needs root';
  }
  return null;
}
