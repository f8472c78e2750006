import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import type { Check, RobotContext } from './doctor-check.js';

/** A check, loaded only when it runs: a damaged package must not keep the others from running. */
export type CheckEntry = {
  name: string;
  /** After this time the check has failed, and its process is ended. */
  limitMs: number;
} & (
  | { needsConfig: false; load(): Promise<Check> }
  | {
      needsConfig: true;
      load(): Promise<Check<RobotContext>>;
      /** Replaces `limitMs` where it depends on the robot. */
      limitFor?(config: Config): number;
    }
);

const STORE_LIMIT_MS = 120_000;
/** A slow card reads this much in a millisecond: 10 MB/s. */
const STORE_BYTES_PER_MS = 10_000;

/** Every check, in the order of the report. */
export const EVERY_CHECK: readonly CheckEntry[] = [
  {
    name: 'configuration',
    limitMs: 10_000,
    needsConfig: false,
    load: async () => (await import('./software/check-configuration.js')).checkConfiguration,
  },
  {
    name: 'node',
    limitMs: 5_000,
    needsConfig: false,
    load: async () => (await import('./software/check-node.js')).checkNode,
  },
  {
    name: 'backbone',
    limitMs: 60_000,
    needsConfig: true,
    load: async () => (await import('./software/check-backbone.js')).checkBackbone,
  },
  {
    name: 'engine',
    limitMs: 60_000,
    needsConfig: true,
    load: async () => (await import('./software/check-engine.js')).checkEngine,
  },
  {
    name: 'heads',
    limitMs: 20_000,
    needsConfig: true,
    load: async () => (await import('./software/check-heads.js')).checkHeads,
  },
  {
    name: 'store',
    limitMs: STORE_LIMIT_MS,
    needsConfig: true,
    limitFor: ({ paths }) =>
      STORE_LIMIT_MS + sizeOf(join(paths.stateDir, 'headland.db')) / STORE_BYTES_PER_MS,
    load: async () => (await import('./software/check-store.js')).checkStore,
  },
  {
    name: 'cameras',
    limitMs: 45_000,
    needsConfig: true,
    load: async () => (await import('./devices/check-cameras.js')).checkCameras,
  },
  {
    name: 'gpio',
    limitMs: 5_000,
    needsConfig: true,
    load: async () => (await import('./devices/check-gpio.js')).checkGpio,
  },
  {
    name: 'broker',
    limitMs: 45_000,
    needsConfig: true,
    load: async () => (await import('./service/check-broker.js')).checkBroker,
  },
  {
    name: 'fleet',
    limitMs: 20_000,
    needsConfig: true,
    load: async () => (await import('./service/check-fleet.js')).checkFleet,
  },
  {
    name: 'page',
    limitMs: 15_000,
    needsConfig: true,
    load: async () => (await import('./service/check-page.js')).checkPage,
  },
  {
    name: 'clock',
    limitMs: 10_000,
    needsConfig: false,
    load: async () => (await import('./board/check-clock.js')).checkClock,
  },
  {
    name: 'disk',
    limitMs: 10_000,
    needsConfig: true,
    load: async () => (await import('./board/check-disk.js')).checkDisk,
  },
  {
    name: 'wear',
    limitMs: 5_000,
    needsConfig: false,
    load: async () => (await import('./board/check-wear.js')).checkWear,
  },
  {
    name: 'temperature',
    limitMs: 5_000,
    needsConfig: true,
    load: async () => (await import('./board/check-temperature.js')).checkTemperature,
  },
  {
    name: 'memory',
    limitMs: 10_000,
    needsConfig: false,
    load: async () => (await import('./board/check-memory.js')).checkMemory,
  },
  {
    name: 'unit',
    limitMs: 20_000,
    needsConfig: false,
    load: async () => (await import('./service/check-unit.js')).checkUnit,
  },
  {
    name: 'watchdog',
    limitMs: 10_000,
    needsConfig: false,
    load: async () => (await import('./service/check-watchdog.js')).checkWatchdog,
  },
];

export const CHECK_NAMES: readonly string[] = EVERY_CHECK.map(({ name }) => name);

function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    // Where this user may not look, the check itself says so.
    return 0;
  }
}
