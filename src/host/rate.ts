import type { BoardReadings } from './board-readings.js';

/**
 * Why frames are limited: `configured` by the settings, `heat` or `supply` by the board, `battery`
 * because it runs empty.
 */
export type SlowReason = 'configured' | 'heat' | 'supply' | 'battery';

export interface RateSettings {
  /** Frames a second that are never exceeded; null = no limit. */
  maxFramesPerSecond: number | null;
  /** Heat and supply never slow it down below this. */
  minFramesPerSecond: number;
  /** At this temperature a step slower. */
  slowAboveC: number;
  /** At this temperature and below a step faster; between the two nothing changes. */
  fasterBelowC: number;
  /** A discharging battery at or below this charge, percent; 0 = off. */
  batteryLowPercent: number;
  /** Frames a second while the battery is low. */
  batteryMaxFramesPerSecond: number;
}

/** What the board has forced so far. */
export interface Brake {
  /** Null: nothing. */
  framesPerSecond: number | null;
  /** The rate before the first step: from there on upwards the brake is off. */
  from: number;
  reason: 'heat' | 'supply';
}

export const RELEASED: Brake = { framesPerSecond: null, from: 0, reason: 'heat' };

export interface RateLimit {
  /** Null: none. */
  framesPerSecond: number | null;
  reason: SlowReason | null;
}

/** One step slower, and a step faster is its inverse. */
const STEP = 0.75;

type Readings = Pick<BoardReadings, 'temperatureC' | 'throttled' | 'battery'>;

/**
 * One look at the board: slower by a step while it is hot or throttled, faster by a step while it
 * is cool, nothing between the two temperatures. Pure; to be called at an even pace, slow enough
 * for the temperature to answer.
 * @param framesPerSecond how fast frames really go by: the first step starts there
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
    // A robot that stands still gives no rate to start from.
    if (now <= 0) return before;
    const slower = Math.max(Math.min(minFramesPerSecond, now), now * STEP);
    return { framesPerSecond: slower, from, reason: weak && !hot ? 'supply' : 'heat' };
  }
  if (before.framesPerSecond === null) return before;
  if (temperatureC !== null && temperatureC > fasterBelowC) return before;
  const faster = before.framesPerSecond / STEP;
  return faster >= before.from ? RELEASED : { ...before, framesPerSecond: faster };
}

/** The strictest of all limits and its reason. Pure. */
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
