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
  const counted = judged.filter(({ samples }) => samples >= settings.minSamples);
  if (counted.length < MIN_ROBOTS) return [];
  const losses = counted.map(({ logLoss }) => logLoss);
  const middle = median(losses);
  const deviation = NORMAL * median(losses.map((loss) => Math.abs(loss - middle)));
  const usual = median(counted.map(({ accuracy }) => accuracy));
  const { flagFactor, quarantineFactor, minExcess, automatic } = settings;
  const flagAt = middle + Math.max(flagFactor * deviation, minExcess);
  const quarantineAt = middle + Math.max(quarantineFactor * deviation, 2 * minExcess);
  return counted
    .filter(({ logLoss }) => logLoss > flagAt)
    .map((robot) => {
      const isContrary = robot.logLoss > quarantineAt && robot.accuracy < usual / 2;
      return automatic && isContrary
        ? { ...robot, state: 'quarantined', median: middle, limit: quarantineAt }
        : { ...robot, state: 'flagged', median: middle, limit: flagAt };
    });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? 0)) / 2;
}
