import { cpus } from 'node:os';
import { join } from 'node:path';
import { readText } from './read-text.js';

/** Instruction set for 8-bit dot products; null: none or unknown. */
export type IntegerDotProduct = 'vnni' | 'dotprod' | 'i8mm' | null;

/** Description of this machine. */
export interface BoardFacts {
  /** From the device tree: "Raspberry Pi 5 Model B Rev 1.0"; null where there is none (PCs). */
  board: string | null;
  /** Model name of the processor from the kernel; null if there is none. */
  cpu: string | null;
  cores: number;
  /** From the CPU flags. The backbone's kernel probe shows whether sums saturate. */
  integerDotProduct: IntegerDotProduct;
}

/** Reads the device tree and the processor's description. Never throws. */
export function describeBoard(options: { procRoot?: string } = {}): BoardFacts {
  const { procRoot = '/proc' } = options;
  const info = readText(join(procRoot, 'cpuinfo')) ?? '';
  const features = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1] ?? '').split(/\s+/));
  return {
    // The string ends with a zero byte.
    board:
      (readText(join(procRoot, 'device-tree/model')) ?? '').replace(/\0.*$/s, '').trim() || null,
    cpu: /^model name\s*:\s*(.+)$/m.exec(info)?.[1]?.trim() ?? cpus()[0]?.model ?? null,
    cores: (info.match(/^processor\s*:/gm) ?? []).length || cpus().length,
    integerDotProduct: dotProductOf(features),
  };
}

/**
 * Current and maximum clock of the first processor, MHz; null where the kernel does not report them
 * (virtual machines). A clock far below its maximum under load indicates throttling by heat or supply.
 */
export function clockMHz(options: { sysRoot?: string } = {}): { now: number; most: number } | null {
  const folder = join(options.sysRoot ?? '/sys', 'devices/system/cpu/cpufreq/policy0');
  const now = Number.parseInt(readText(join(folder, 'scaling_cur_freq')) ?? '', 10) / 1000;
  const most = Number.parseInt(readText(join(folder, 'cpuinfo_max_freq')) ?? '', 10) / 1000;
  return now > 0 && most > 0 ? { now, most } : null;
}

function dotProductOf(features: ReadonlySet<string>): IntegerDotProduct {
  if (features.has('avx512_vnni') || features.has('avx_vnni')) return 'vnni';
  if (features.has('i8mm')) return 'i8mm';
  return features.has('asimddp') ? 'dotprod' : null;
}
