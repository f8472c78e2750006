import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** What a Raspberry Pi's firmware says of its supply (hwmon `rpi_volt`). */
export interface ThrottledFlags {
  /** The voltage was below its limit since the kernel last asked, about two seconds ago. */
  underVoltage: boolean;
}

/** What the board says of itself. Null: this board does not say. */
export interface BoardReadings {
  /** Hottest thermal zone. */
  temperatureC: number | null;
  throttled: ThrottledFlags | null;
  /** Load average of the last minute. */
  load1: number | null;
  /** Memory that can be had without swapping. */
  memoryAvailableBytes: number | null;
  /** What an ordinary user can still write to the file system of `diskPath`. */
  diskFreeBytes: number | null;
  /** Resident memory of this process. */
  rssBytes: number | null;
  /** Since boot, seconds. */
  uptimeSeconds: number | null;
}

export interface BoardOptions {
  /** Where the kernel's files are, if not in /proc and /sys: containers mount them elsewhere. */
  procRoot?: string;
  sysRoot?: string;
  /** Any path on the file system whose free space is wanted. */
  diskPath?: string;
}

/** Reads the board once; a few small kernel files, under a millisecond. Never throws. */
export function readings(options: BoardOptions = {}): BoardReadings {
  const proc = (path: string): string | null => read(join(options.procRoot ?? '/proc', path));
  const sys = join(options.sysRoot ?? '/sys');
  return {
    temperatureC: hottestZone(join(sys, 'class/thermal')),
    throttled: throttledFlags(join(sys, 'class/hwmon')),
    load1: number(proc('loadavg')?.split(' ')[0]),
    memoryAvailableBytes: kibibytes(proc('meminfo'), 'MemAvailable'),
    diskFreeBytes: options.diskPath === undefined ? null : diskFreeBytes(options.diskPath),
    rssBytes: kibibytes(proc('self/status'), 'VmRSS'),
    uptimeSeconds: number(proc('uptime')?.split(' ')[0]),
  };
}

/** Free bytes of the file system of `path`, without root's reserve; null if it is gone. */
export function diskFreeBytes(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return null;
  }
}

function hottestZone(folder: string): number | null {
  const temperatures = list(folder)
    .filter((zone) => /^thermal_zone\d+$/.test(zone))
    .map((zone) => number(read(join(folder, zone, 'temp'))))
    .filter((milliC) => milliC !== null);
  return temperatures.length === 0 ? null : Math.max(...temperatures) / 1000;
}

function throttledFlags(folder: string): ThrottledFlags | null {
  for (const device of list(folder)) {
    if (read(join(folder, device, 'name'))?.trim() !== 'rpi_volt') continue;
    const alarm = number(read(join(folder, device, 'in0_lcrit_alarm')));
    if (alarm !== null) return { underVoltage: alarm !== 0 };
  }
  return null;
}

/** Value of a line "Name:   123 kB", bytes. */
function kibibytes(text: string | null, field: string): number | null {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text ?? '');
  return match === null ? null : Number(match[1]) * 1024;
}

function number(text: string | null | undefined): number | null {
  const value = text?.trim() ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Null also for the errors of sensors that are there but asleep (EAGAIN, EIO, ENODATA). */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
