/**
 * Loaded before the program (`node --import`): its wall clock runs faster, so that a day passes in
 * HEADLAND_SOAK_DAY_MS of real time, and the board gets hot on the afternoon of every third day. Durations
 * stay real, for they come from the monotonic clock. HEADLAND_SOAK_START is the real Unix time, milliseconds,
 * at which the first day begins.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const FIRST_DAY_MS = Date.UTC(2027, 3, 1);
const HOT_C = 86;
const MILD_C = 48;

const RealDate = Date;
const startMs = Number(process.env.HEADLAND_SOAK_START);
const speed = DAY_MS / Number(process.env.HEADLAND_SOAK_DAY_MS);

function nowMs(): number {
  return Math.round(FIRST_DAY_MS + (RealDate.now() - startMs) * speed);
}

class FastDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(nowMs());
    else super(...(given as [number]));
  }

  static override now(): number {
    return nowMs();
  }
}

globalThis.Date = FastDate as DateConstructor;

const ZONES = '/sys/class/thermal';
const { readFileSync, readdirSync } = fs;

function temperatureC(): number {
  const sinceMs = nowMs() - FIRST_DAY_MS;
  const hour = (sinceMs % DAY_MS) / HOUR_MS;
  const isHotDay = Math.floor(sinceMs / DAY_MS) % 3 === 2;
  return isHotDay && hour >= 12 && hour < 15 ? HOT_C : MILD_C;
}

fs.readdirSync = ((path: string, ...rest: []) =>
  path === ZONES ? ['thermal_zone0'] : readdirSync(path, ...rest)) as typeof fs.readdirSync;
fs.readFileSync = ((path: string, ...rest: []) =>
  path === `${ZONES}/thermal_zone0/temp`
    ? `${temperatureC() * 1_000}\n`
    : readFileSync(path, ...rest)) as typeof fs.readFileSync;
syncBuiltinESMExports();
