import type { BoardReadings } from './board-readings.js';

/**
 * Why the frame rate is limited: `configured` by the settings, `heat` or `supply` because the board
 * is hot or under-volted, `battery` because its charge is low.
 */
export type SlowReason = 'configured' | 'heat' | 'supply' | 'battery';

export interface RateSettings {
  /** Maximum frames per second; null = no limit. */
  maxFramesPerSecond: number | null;
  /** Heat and a weak supply never reduce the rate below this. */
  minFramesPerSecond: number;
  /** At or above this temperature the rate falls by a step. */
  slowAboveC: number;
  /** At or below this temperature the rate rises by a step. Between the two nothing changes. */
  fasterBelowC: number;
  /** A discharging battery at or below this charge counts as low, percent; 0 = off. */
  batteryLowPercent: number;
  /** Maximum frames per second while the battery is low. */
  batteryMaxFramesPerSecond: number;
}

/** The limit that heat or the supply currently imposes. */
export interface Brake {
  /** Null: no limit. */
  framesPerSecond: number | null;
  /** The rate before the first step, frames per second. At this rate the brake is released. */
  from: number;
  reason: 'heat' | 'supply';
}

export const RELEASED: Brake = { framesPerSecond: null, from: 0, reason: 'heat' };

export interface RateLimit {
  /** Null: no limit. */
  framesPerSecond: number | null;
  reason: SlowReason | null;
}

/** Factor of one step down; a step up is its inverse. */
const STEP = 0.75;

type Readings = Pick<BoardReadings, 'temperatureC' | 'throttled' | 'battery'>;

/**
 * One control step: slows down while the board is hot, throttled or under-volted, speeds up while it
 * is cool, and changes nothing between the two temperatures. Pure. Call it at a regular interval
 * that is long enough for the temperature to respond.
 * @param framesPerSecond the measured frame rate, from which the first step starts
 */
export function brake(
  before: Brake,
  { temperatureC, throttled }: Readings,
  framesPerSecond: number,
  settings: RateSettings,
): Brake {
  const { minFramesPerSecond, slowAboveC, fasterBelowC } = settings;
  const hot = temperatureC !== null && temperatureC >= slowAboveC;
  const weak = throttled?.underVoltage === true;
  if (hot || weak || throttled?.slowed) {
    const from = before.framesPerSecond === null ? framesPerSecond : before.from;
    const now = before.framesPerSecond ?? framesPerSecond;
    // While no frames arrive there is no rate to start from.
    if (now <= 0) return before;
    const slower = Math.max(Math.min(minFramesPerSecond, now), now * STEP);
    return { framesPerSecond: slower, from, reason: weak && !hot ? 'supply' : 'heat' };
  }
  if (before.framesPerSecond === null) return before;
  if (temperatureC !== null && temperatureC > fasterBelowC) return before;
  const faster = before.framesPerSecond / STEP;
  return faster >= before.from ? RELEASED : { ...before, framesPerSecond: faster };
}

/** The lowest of all limits, with its reason. Pure. */
export function rateLimit(
  { framesPerSecond, reason }: Brake,
  { battery }: Readings,
  settings: RateSettings,
): RateLimit {
  const low = battery?.discharging === true && battery.percent <= settings.batteryLowPercent;
  const limits: RateLimit[] = [
    { framesPerSecond, reason },
    { framesPerSecond: low ? settings.batteryMaxFramesPerSecond : null, reason: 'battery' },
    { framesPerSecond: settings.maxFramesPerSecond, reason: 'configured' },
  ];
  return limits.reduce(
    (strictest, limit) =>
      (limit.framesPerSecond ?? Number.POSITIVE_INFINITY) <
      (strictest.framesPerSecond ?? Number.POSITIVE_INFINITY)
        ? limit
        : strictest,
    { framesPerSecond: null, reason: null },
  );
}
