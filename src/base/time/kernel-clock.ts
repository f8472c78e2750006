import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** A moment of the clock that all processes of a machine share, and that nobody sets. */
export interface KernelMoment {
  /** Id of the boot; uptimes of two boots cannot be compared. */
  boot: string;
  /** Since the boot, with the time asleep. */
  uptimeMs: number;
}

export function kernelClock(): KernelMoment {
  return { boot: bootId(), uptimeMs: uptime() * 1_000 };
}

/** Empty where the kernel does not tell. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
