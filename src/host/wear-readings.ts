import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** What the disk of a path reports about its age. Null: it does not report the value. */
export interface WearReadings {
  /** Kernel name of the disk: "mmcblk0". */
  disk: string;
  /** Used share of the guaranteed life, 0..1, in steps of a tenth; above 1: beyond it. eMMC only. */
  usedLife: number | null;
  /** Spare blocks by the disk's own words. eMMC only. */
  spare: 'normal' | 'low' | 'urgent' | null;
  /** Errors of the file system that the kernel has counted. ext4 only. */
  fileSystemErrors: number | null;
  /** Written since the file system was made, bytes. ext4 only. */
  lifetimeWrittenBytes: number | null;
}

const SPARE: Record<number, NonNullable<WearReadings['spare']>> = {
  1: 'normal',
  2: 'low',
  3: 'urgent',
};

/**
 * Reads what the kernel knows of the wear of a block device. Never throws.
 * @param device path of the mounted device: "/dev/mmcblk0p2"
 * @returns null: it is no block device that sysfs lists
 */
export function wearReadings(device: string, sysRoot = '/sys'): WearReadings | null {
  const partition = basename(device);
  const disk = diskOf(partition, sysRoot);
  if (disk === null) return null;
  const card = join(sysRoot, 'block', disk, 'device');
  // Two areas, each in steps of 10 %: "0x01 0x02".
  const steps = (read(join(card, 'life_time')) ?? '').split(/\s+/).map(Number).filter(Boolean);
  const fileSystem = join(sysRoot, 'fs/ext4', partition);
  const kibibytes = number(read(join(fileSystem, 'lifetime_write_kbytes')));
  return {
    disk,
    usedLife: steps.length === 0 ? null : Math.max(...steps) / 10,
    spare: SPARE[number(read(join(card, 'pre_eol_info'))) ?? 0] ?? null,
    fileSystemErrors: number(read(join(fileSystem, 'errors_count'))),
    lifetimeWrittenBytes: kibibytes === null ? null : kibibytes * 1_024,
  };
}

/** "mmcblk0p2" and "sda1" are parts of "mmcblk0" and "sda". */
function diskOf(partition: string, sysRoot: string): string | null {
  const whole = [partition, partition.replace(/p\d+$/, ''), partition.replace(/\d+$/, '')];
  return whole.find((name) => read(join(sysRoot, 'block', name, 'size')) !== null) ?? null;
}

function number(text: string | null): number | null {
  const value = text?.trim() ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
