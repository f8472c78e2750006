/** Twice the distance root mean square holds 95 to 98 of 100 positions. */
const DRMS = 2;

/** Accuracy of a position from the standard deviations that a receiver sends (GST), meters. */
export function accuracyOf(northMeters: number, eastMeters: number): number {
  return DRMS * Math.hypot(northMeters, eastMeters);
}
