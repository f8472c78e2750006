import type { Disagreement } from '../../contract/hub-api.js';

/** How heads without a robot did on its samples. */
export interface JudgedRobot {
  robot: string;
  samples: number;
  accuracy: number;
  /** Mean over classes, nats. */
  logLoss: number;
}

export interface OutlierSettings {
  flagFactor: number;
  quarantineFactor: number;
  minExcess: number;
  minSamples: number;
  automatic: boolean;
}

export interface Outlier extends JudgedRobot {
  state: 'flagged' | 'quarantined';
  median: number;
  /** The log-loss above which the state begins. */
  limit: number;
}

/** Fewer robots tell nothing about each other. */
const MIN_ROBOTS = 3;
/** Makes the median absolute deviation of a normal distribution its standard deviation. */
const NORMAL = 1.4826;

/**
 * Robots on whose samples the heads of all others do far worse than on the samples of the other robots: their
 * labels mean something else. Flagged above median + flagFactor · 1.4826 · MAD of the log-losses, and at least
 * minExcess above the median. Quarantined above the same with quarantineFactor and twice minExcess, when less
 * than half of the median share of answers is right, too: a robot in an unlike place is hard, not contrary.
 */
export function outliers(judged: readonly JudgedRobot[], settings: OutlierSettings): Outlier[] {
  const limits = outlierLimits(judged, settings);
  if (limits === null) return [];
  const { median: middle, flagAt, quarantineAt, usualAccuracy } = limits;
  return judged
    .filter(({ samples, logLoss }) => samples >= settings.minSamples && logLoss > flagAt)
    .map((robot) => {
      const isContrary = robot.logLoss > quarantineAt && robot.accuracy < usualAccuracy / 2;
      return settings.automatic && isContrary
        ? { ...robot, state: 'quarantined', median: middle, limit: quarantineAt }
        : { ...robot, state: 'flagged', median: middle, limit: flagAt };
    });
}

/** Limits of a round, log-losses in nats. */
export interface OutlierLimits {
  median: number;
  flagAt: number;
  quarantineAt: number;
  usualAccuracy: number;
}

/** @returns null: too few robots judged */
export function outlierLimits(
  judged: readonly JudgedRobot[],
  { flagFactor, quarantineFactor, minExcess, minSamples }: OutlierSettings,
): OutlierLimits | null {
  const counted = judged.filter(({ samples }) => samples >= minSamples);
  if (counted.length < MIN_ROBOTS) return null;
  const losses = counted.map(({ logLoss }) => logLoss);
  const middle = median(losses);
  const deviation = NORMAL * median(losses.map((loss) => Math.abs(loss - middle)));
  return {
    median: middle,
    flagAt: middle + Math.max(flagFactor * deviation, minExcess),
    quarantineAt: middle + Math.max(quarantineFactor * deviation, 2 * minExcess),
    usualAccuracy: median(counted.map(({ accuracy }) => accuracy)),
  };
}

/** How far a robot is above the median of its round; null: it does not count. */
export function disagreementOf(
  { round, samples, logLoss }: Pick<JudgedRobot, 'samples' | 'logLoss'> & { round: number },
  limits: OutlierLimits | null,
  settings: OutlierSettings,
): Disagreement | null {
  if (limits === null || samples < settings.minSamples) return null;
  const { median: middle, flagAt, quarantineAt } = limits;
  return {
    round,
    excess: logLoss - middle,
    flagAt: flagAt - middle,
    quarantineAt: settings.automatic ? quarantineAt - middle : null,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? 0)) / 2;
}
