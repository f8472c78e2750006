import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** What a processor brings for 8-bit products; null: nothing beyond plain vectors, or unknown. */
export type IntegerDotProduct = 'vnni' | 'dotprod' | 'i8mm' | null;

/** What this machine is. */
export interface BoardFacts {
  /** From the device tree: "Raspberry Pi 5 Model B Rev 1.0"; null where there is none (PCs). */
  board: string | null;
  /** As the kernel names the processor; null where it does not. */
  cpu: string | null;
  cores: number;
  /** As the kernel names it. Whether sums saturate, the backbone's probe of the kernels says. */
  integerDotProduct: IntegerDotProduct;
}

/** Reads the device tree and the processor's description. Never throws. */
export function describeBoard(options: { procRoot?: string } = {}): BoardFacts {
  const { procRoot = '/proc' } = options;
  const info = read(join(procRoot, 'cpuinfo'));
  const features = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1] ?? '').split(/\s+/));
  return {
    // The string ends with a zero byte.
    board: read(join(procRoot, 'device-tree/model')).replace(/\0.*$/s, '').trim() || null,
    cpu: /^model name\s*:\s*(.+)$/m.exec(info)?.[1]?.trim() ?? cpus()[0]?.model ?? null,
    cores: (info.match(/^processor\s*:/gm) ?? []).length || cpus().length,
    integerDotProduct: dotProductOf(features),
  };
}

/**
 * What the first processor's clock runs at and could run at, MHz; null where the kernel does not
 * say (virtual machines). Far below its limit under load means that heat or the supply holds it back.
 */
export function clockMHz(options: { sysRoot?: string } = {}): { now: number; most: number } | null {
  const folder = join(options.sysRoot ?? '/sys', 'devices/system/cpu/cpufreq/policy0');
  const now = Number.parseInt(read(join(folder, 'scaling_cur_freq')), 10) / 1000;
  const most = Number.parseInt(read(join(folder, 'cpuinfo_max_freq')), 10) / 1000;
  return now > 0 && most > 0 ? { now, most } : null;
}

function dotProductOf(features: ReadonlySet<string>): IntegerDotProduct {
  if (features.has('avx512_vnni') || features.has('avx_vnni')) return 'vnni';
  if (features.has('i8mm')) return 'i8mm';
  return features.has('asimddp') ? 'dotprod' : null;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
