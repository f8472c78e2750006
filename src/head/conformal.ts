import { HeadlandError } from '../errors.js';

/**
 * The share of exchangeable samples that would look at least this strange: (1 + #{s_i >= s}) /
 * (n + 1) (Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World). When the score
 * and the calibration scores are exchangeable, P(p <= a) <= a for every a.
 * @param ascending calibration scores, sorted ascending; larger = stranger. Empty: always 1.
 * @returns in [1 / (n + 1), 1].
 */
export function conformalPValue(ascending: ArrayLike<number>, score: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < score) low = middle + 1;
    else high = middle;
  }
  return (1 + ascending.length - low) / (ascending.length + 1);
}

/**
 * The probability that a label needs to belong to the prediction set, so that the set holds the
 * true label of an exchangeable sample with probability `coverage` or more (split conformal
 * prediction with the score 1 - p; Sadinle, Lei & Wasserman 2019).
 * @param probabilities n x classCount, row-major, by heads that did not learn from the row's group.
 * @param labels the true class of each row.
 * @param coverage 0..1.
 * @returns 0..1; 0 when there are too few rows to promise anything: every label is in the set.
 * @throws HL_CALIBRATION_INVALID on wrong lengths.
 */
export function fitSetProbability(
  probabilities: Float64Array,
  labels: ArrayLike<number>,
  classCount: number,
  coverage: number,
): number {
  if (probabilities.length !== labels.length * classCount || !(coverage > 0 && coverage < 1)) {
    throw new HeadlandError(
      'HL_CALIBRATION_INVALID',
      `${probabilities.length} probabilities for ${labels.length} labels of ${classCount} classes, ` +
        `coverage ${coverage}`,
      { remedy: 'Give one row of probabilities per label and a coverage between 0 and 1.' },
    );
  }
  const ofTruth = Float64Array.from(labels, (label, i) => probabilities[i * classCount + label]!);
  ofTruth.sort().reverse();
  const rank = Math.ceil((labels.length + 1) * coverage);
  return rank > labels.length ? 0 : ofTruth[rank - 1]!;
}

/**
 * Indices of the labels in the prediction set of one frame, most probable first. May be empty: then
 * no label is as probable as true labels use to be.
 */
export function predictionSet(probabilities: ArrayLike<number>, setProbability: number): number[] {
  return Array.from(probabilities, (p, i) => ({ p, i }))
    .filter(({ p }) => p >= setProbability)
    .sort((a, b) => b.p - a.p)
    .map(({ i }) => i);
}
