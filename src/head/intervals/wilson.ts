export interface Interval {
  lower: number;
  upper: number;
}

/** Quantile of the normal distribution for a two-sided interval at 95 %. */
const Z95 = 1.96;

/**
 * Wilson's score interval of a share (Wilson 1927). It is never a point: 33 of 33 give 0.90 to 1.
 * @param share 0..1
 * @param n number of independent answers, which need not be a whole number, > 0
 * @param z quantile of the normal distribution; default: 95 % on both sides together
 */
export function wilsonInterval(share: number, n: number, z: number = Z95): Interval {
  const z2 = z * z;
  const middle = share + z2 / (2 * n);
  const spread = z * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  const scale = 1 + z2 / n;
  // Rounding must not put the share outside of its own interval.
  return {
    lower: Math.min(share, Math.max(0, (middle - spread) / scale)),
    upper: Math.max(share, Math.min(1, (middle + spread) / scale)),
  };
}
