import type { Head } from '../head/head.js';
import { noveltyScores, withoutClass } from '../head/unknown/novelty.js';

/** Most holdout samples used, evenly spread: a few seconds on a small board. */
const MAX_SAMPLES = 500;

/** Novelty scores of one sample by one head; larger = stranger. */
export interface Strangeness {
  /** By the head as it is; null when one of the two heads does not know the class. */
  known: number | null;
  /** By the head as if it had never been taught the class of the sample. */
  unknown: number;
}

/** A holdout sample with its novelty scores by both heads. */
export interface UnknownScores {
  group: string;
  challenger: Strangeness;
  champion: Strangeness;
}

/** A head, and the holdout samples in its own features: n x featureSize, row-major. */
export interface Seeing {
  head: Head;
  features: Float32Array;
}

/**
 * Scores holdout samples that neither head was fitted on with the novelty models of both heads, as
 * they are on the disk. Each sample counts twice: as a known thing, and as an unknown one, for
 * which the mean and the covariance of its class are removed from the model. The parts that all
 * classes share still contain the class, in both heads alike. A class that a head does not know is
 * unknown to that head without any change.
 *
 * @returns Null when a head has no novelty model, when there are fewer than `minSamples` samples of
 *   classes that both heads know, or when there are fewer than two such classes.
 */
export function scoreUnknowns(
  challenger: Seeing,
  champion: Seeing,
  holdout: readonly { label: string; group: string }[],
  minSamples: number,
): UnknownScores[] | null {
  const [own, other] = [challenger, champion].map(({ head }) => new Set(head.labels));
  const isKnown = ({ label }: { label: string }): boolean => own!.has(label) && other!.has(label);
  const known = holdout.filter(isKnown);
  if (known.length < minSamples || new Set(known.map(({ label }) => label)).size < 2) return null;
  const step = Math.max(1, holdout.length / MAX_SAMPLES);
  const rows = Array.from({ length: Math.floor(holdout.length / step) }, (_, i) =>
    Math.floor(i * step),
  );
  const [byChallenger, byChampion] = [challenger, champion].map((seeing) =>
    strangenessOf(seeing, holdout, rows, isKnown),
  );
  if (!byChallenger || !byChampion) return null;
  return rows.map((row, i) => ({
    group: holdout[row]!.group,
    challenger: byChallenger[i]!,
    champion: byChampion[i]!,
  }));
}

function strangenessOf(
  { head, features }: Seeing,
  holdout: readonly { label: string }[],
  rows: readonly number[],
  isKnown: (sample: { label: string }) => boolean,
): Strangeness[] | null {
  const { novelty, labels, featureSize: d } = head;
  if (!novelty || novelty.means.length !== labels.length * novelty.dimensions) return null;
  const picked = new Float32Array(rows.length * d);
  rows.forEach((row, i) => {
    picked.set(features.subarray(row * d, (row + 1) * d), i * d);
  });
  const plain = noveltyScores(novelty, picked);
  const unknown = plain.slice();
  for (const [k, label] of labels.entries()) {
    const own = [...rows.keys()].filter((i) => holdout[rows[i]!]!.label === label);
    if (own.length === 0) continue;
    const part = new Float32Array(own.length * d);
    own.forEach((i, at) => {
      part.set(picked.subarray(i * d, (i + 1) * d), at * d);
    });
    noveltyScores(withoutClass(novelty, k), part).forEach((score, at) => {
      unknown[own[at]!] = score;
    });
  }
  return rows.map((row, i) => ({
    known: isKnown(holdout[row]!) ? plain[i]! : null,
    unknown: unknown[i]!,
  }));
}

/**
 * AUROC of unknown against known for both heads, and the standard error of its difference over
 * groups (DeLong et al. 1988; clusters as in Obuchowski 1997).
 *
 * @returns standardError is infinite with a single group.
 */
export function comparedAuroc(scores: readonly UnknownScores[]): {
  challenger: number;
  champion: number;
  standardError: number;
} {
  const [own, other] = (['challenger', 'champion'] as const).map((head) =>
    aurocOf(scores.map((one) => ({ group: one.group, ...one[head] }))),
  );
  const groups = [...own!.influence.keys()];
  const squares = groups.reduce(
    (sum, group) => sum + (own!.influence.get(group)! - other!.influence.get(group)!) ** 2,
    0,
  );
  const count = groups.length;
  return {
    challenger: own!.auroc,
    champion: other!.auroc,
    standardError:
      count < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * count) / (count - 1)),
  };
}

/**
 * AUROC with the influence of each group: how far the AUROC would move without the group's samples.
 */
function aurocOf(samples: readonly ({ group: string } & Strangeness)[]): {
  auroc: number;
  influence: Map<string, number>;
} {
  const known = Float64Array.from(samples.flatMap((sample) => sample.known ?? [])).sort();
  const unknown = Float64Array.from(samples, (sample) => sample.unknown).sort();
  const above = samples.map((sample) => shareBelow(known, sample.unknown));
  const auroc = above.reduce((sum, share) => sum + share, 0) / samples.length;
  const influence = new Map<string, number>();
  samples.forEach((sample, i) => {
    let part = (above[i]! - auroc) / samples.length;
    if (sample.known !== null) {
      part += (1 - shareBelow(unknown, sample.known) - auroc) / known.length;
    }
    influence.set(sample.group, (influence.get(sample.group) ?? 0) + part);
  });
  return { auroc, influence };
}

/** Share of sorted values below `x`; equal values count half. */
function shareBelow(sorted: Float64Array, x: number): number {
  const first = (isPast: (value: number) => boolean): number => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isPast(sorted[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return (first((value) => value >= x) + first((value) => value > x)) / 2 / sorted.length;
}
