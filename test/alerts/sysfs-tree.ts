import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GpioChip } from '../../src/alerts/gpio/gpio-lines.js';

/** Fills a folder as the kernel fills /sys/class/gpio. */
export function writeGpioTree(root: string, chips: readonly GpioChip[]): void {
  for (const { base, label, lines } of chips) {
    writeFiles(join(root, `gpiochip${base}`), {
      base: `${base}\n`,
      label: `${label}\n`,
      ngpio: `${lines}\n`,
    });
  }
  writeFiles(root, { export: '', unexport: '' });
}

/** A line as it is once exported, which files cannot do by themselves. */
export function writeExportedLine(root: string, gpio: number, value: '0' | '1'): void {
  writeFiles(join(root, `gpio${gpio}`), { direction: 'in', active_low: '0', value });
}

function writeFiles(folder: string, files: Record<string, string>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}
