import { existsSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeThrottled, type ThrottledFlags } from './firmware-flags.js';
import { readText } from './read-text.js';

export interface Battery {
  /** Charge, 0..100. */
  percent: number;
  discharging: boolean;
}

/**
 * Pressure stall information of the kernel: share of the last ten seconds during which at least one
 * process waited for the resource, 0..100. Null: the kernel does not report it.
 */
export interface Pressure {
  cpuPercent: number | null;
  memoryPercent: number | null;
  ioPercent: number | null;
}

/** Wear of the storage. */
export interface StorageWear {
  /**
   * Used share of the rated life of the most worn eMMC, percent, in steps of ten, rounded up: 0..110.
   * SD cards do not report it.
   */
  lifeUsedPercent: number | null;
  /** The most used-up reserve of spare blocks of an eMMC. */
  reserve: 'normal' | 'low' | 'urgent' | null;
  /** Errors that ext4 has recorded in its file systems since their creation or last repair. */
  fileSystemErrors: number | null;
}

/**
 * How far the date can be trusted: `synchronized` with a time server, from a battery-backed clock
 * (`rtc`), or `unset`. Null: unknown, as under chrony, which shows its state to root only.
 */
export type ClockState = 'synchronized' | 'rtc' | 'unset' | null;

/** Sensor values of the board. Null: this board does not report the value. */
export interface BoardReadings {
  /** Temperature of the hottest thermal zone. */
  temperatureC: number | null;
  throttled: ThrottledFlags | null;
  /** The battery with the lowest charge. */
  battery: Battery | null;
  /** Load average of the last minute. */
  load1: number | null;
  /** Memory available without swapping. */
  memoryAvailableBytes: number | null;
  /** Free space for ordinary users on the file system of `diskPath`. */
  diskFreeBytes: number | null;
  /** Resident memory of this process. */
  rssBytes: number | null;
  /** Since boot, seconds. */
  uptimeSeconds: number | null;
  pressure: Pressure;
  wear: StorageWear;
  clock: ClockState;
}

export interface BoardOptions {
  /** Mount points of procfs and sysfs, if not /proc and /sys: containers mount them elsewhere. */
  procRoot?: string;
  sysRoot?: string;
  /** Folder of run-time files, if not /run. */
  runRoot?: string;
  /** Any path on the file system whose free space is wanted. */
  diskPath?: string;
}

/** Reads the sensors once: a few small kernel files, in under a millisecond. Never throws. */
export function readings(options: BoardOptions = {}): BoardReadings {
  const proc = (path: string): string | null => readText(join(options.procRoot ?? '/proc', path));
  const sys = join(options.sysRoot ?? '/sys');
  return {
    temperatureC: hottestZone(join(sys, 'class/thermal')),
    throttled: throttledFlags(sys),
    battery: emptiestBattery(join(sys, 'class/power_supply')),
    load1: number(proc('loadavg')?.split(' ')[0]),
    memoryAvailableBytes: kibibytes(proc('meminfo'), 'MemAvailable'),
    diskFreeBytes: options.diskPath === undefined ? null : diskFreeBytes(options.diskPath),
    rssBytes: kibibytes(proc('self/status'), 'VmRSS'),
    uptimeSeconds: number(proc('uptime')?.split(' ')[0]),
    pressure: pressure(proc, sys),
    wear: storageWear(sys),
    clock: clockState(options),
  };
}

/** Free bytes of the file system of `path`, without root's reserve; null if it cannot be read. */
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
    .map((zone) => number(readText(join(folder, zone, 'temp'))))
    .filter((milliC) => milliC !== null);
  return temperatures.length === 0 ? null : Math.max(...temperatures) / 1000;
}

/**
 * Combines all sources: the firmware of a Raspberry Pi (`get_throttled`, and hwmon `rpi_volt` for
 * the supply alone), and the kernel's cpufreq cooling devices on any board.
 */
function throttledFlags(sys: string): ThrottledFlags | null {
  const underVoltage: boolean[] = [];
  const slowed: boolean[] = [];
  const firmware = firmwareFlags(join(sys, 'devices/platform'));
  if (firmware !== null) {
    const flags = decodeThrottled(firmware);
    underVoltage.push(flags.underVoltage);
    slowed.push(flags.slowed);
  }
  const sensors = join(sys, 'class/hwmon');
  for (const device of list(sensors)) {
    if (readText(join(sensors, device, 'name'))?.trim() !== 'rpi_volt') continue;
    const alarm = number(readText(join(sensors, device, 'in0_lcrit_alarm')));
    if (alarm !== null) underVoltage.push(alarm !== 0);
  }
  const zones = join(sys, 'class/thermal');
  for (const device of list(zones).filter((name) => /^cooling_device\d+$/.test(name))) {
    if (!readText(join(zones, device, 'type'))?.includes('cpufreq')) continue;
    const state = number(readText(join(zones, device, 'cur_state')));
    if (state !== null) slowed.push(state > 0);
  }
  if (underVoltage.length + slowed.length === 0) return null;
  return { underVoltage: underVoltage.includes(true), slowed: slowed.includes(true) };
}

/**
 * Flags of the Raspberry Pi firmware: bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft
 * temperature limit; higher bits are the same since boot. Null where there is no such firmware.
 */
function firmwareFlags(platform: string): number | null {
  for (const chip of list(platform).filter((name) => name.startsWith('soc'))) {
    for (const part of list(join(platform, chip)).filter((name) => name.endsWith(':firmware'))) {
      const text = readText(join(platform, chip, part, 'get_throttled'))?.trim();
      if (text && /^(0x)?[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16);
    }
  }
  return null;
}

function emptiestBattery(folder: string): Battery | null {
  let emptiest: Battery | null = null;
  for (const supply of list(folder)) {
    if (readText(join(folder, supply, 'type'))?.trim() !== 'Battery') continue;
    const percent = number(readText(join(folder, supply, 'capacity')));
    if (percent === null || (emptiest && emptiest.percent <= percent)) continue;
    const discharging = readText(join(folder, supply, 'status'))?.trim() === 'Discharging';
    emptiest = { percent, discharging };
  }
  return emptiest;
}

/**
 * Of the whole board; of this process's control group where /proc shows only processes
 * (`ProcSubset=pid` of systemd).
 */
function pressure(proc: (path: string) => string | null, sys: string): Pressure {
  const group = /^0::(\/.*)$/m.exec(proc('self/cgroup') ?? '')?.[1];
  const of = (resource: 'cpu' | 'memory' | 'io'): number | null => {
    const text =
      proc(`pressure/${resource}`) ??
      (group === undefined
        ? null
        : readText(join(sys, 'fs/cgroup', group, `${resource}.pressure`)));
    return number(/^some avg10=([\d.]+)/m.exec(text ?? '')?.[1]);
  };
  return { cpuPercent: of('cpu'), memoryPercent: of('memory'), ioPercent: of('io') };
}

/** Names of the states of the reserve, as eMMC 5.0 numbers them from 1. */
const RESERVES = ['normal', 'low', 'urgent'] as const;

function storageWear(sys: string): StorageWear {
  const blocks = join(sys, 'block');
  const cards = list(blocks).filter((name) => /^mmcblk\d+$/.test(name));
  // Two estimates, of blocks with one and with more bits a cell; 0 is "not defined".
  const tenths = cards
    .flatMap((card) => (readText(join(blocks, card, 'device/life_time')) ?? '').trim().split(/\s+/))
    .map((text) => number(text) ?? 0)
    .filter((value) => value > 0);
  const reserves = cards
    .map((card) => number(readText(join(blocks, card, 'device/pre_eol_info'))) ?? 0)
    .filter((value) => value > 0);
  const fileSystems = join(sys, 'fs/ext4');
  const errors = list(fileSystems)
    .map((device) => number(readText(join(fileSystems, device, 'errors_count'))))
    .filter((count) => count !== null);
  return {
    lifeUsedPercent: tenths.length === 0 ? null : Math.max(...tenths) * 10,
    reserve: reserves.length === 0 ? null : (RESERVES[Math.max(...reserves) - 1] ?? null),
    fileSystemErrors: errors.length === 0 ? null : errors.reduce((sum, count) => sum + count, 0),
  };
}

/** Unix time, milliseconds: no board had this software before. */
export const EARLIEST_DATE_MS = Date.UTC(2026, 0, 1);
/** Some boards keep the local time in their clock: up to 14 hours. */
const RTC_TOLERANCE_MS = 86_400_000;

/** Whether a time server has set the wall clock since the machine started. */
export function isDateSynchronized(runRoot = '/run'): boolean {
  return list(join(runRoot, 'systemd/timesync')).includes('synchronized');
}

/** {@link BoardReadings.clock} alone. Never throws. */
export function clockState({
  runRoot = '/run',
  sysRoot = '/sys',
}: Pick<BoardOptions, 'runRoot' | 'sysRoot'> = {}): ClockState {
  const nowMs = Date.now();
  if (nowMs < EARLIEST_DATE_MS) return 'unset';
  if (isDateSynchronized(runRoot)) return 'synchronized';
  const clocks = join(sysRoot, 'class/rtc');
  // The kernel has set the time from this clock at boot. Without its battery it begins in 1970 or with
  // the kernel, and systemd moves the date alone on.
  const fromClock = list(clocks).some((name) => {
    const seconds = number(readText(join(clocks, name, 'since_epoch')));
    const agrees = seconds !== null && Math.abs(seconds * 1_000 - nowMs) < RTC_TOLERANCE_MS;
    return agrees && number(readText(join(clocks, name, 'hctosys'))) === 1;
  });
  if (fromClock) return 'rtc';
  return existsSync(join(runRoot, 'systemd/timesync')) ? 'unset' : null;
}

/** Value of a line "Name:   123 kB", in bytes. */
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
