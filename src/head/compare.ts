import { HeadlandError } from '../errors.js';
import { seededRandom } from './random.js';

/**
 * One-sided exact McNemar test: P[Bin(b + c, 1/2) >= b], the chance of so many wins if both were
 * equally good (McNemar 1947; exact binomial form). 1 when the two never differ.
 * @param wins samples that the challenger has right and the champion wrong.
 * @param losses the converse.
 */
export function mcnemarPValue(wins: number, losses: number): number {
  const n = wins + losses;
  // From the smaller tail upwards in logarithms: exact to rounding for any n.
  let logTerm = n * Math.log(0.5);
  let tail = 0;
  for (let k = n; k >= wins; k--) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(k) - Math.log(n - k + 1);
  }
  return Math.min(1, tail);
}

/** Two heads' answers to the same samples, none of which either was trained on. */
export interface PairedPredictions {
  /** True class index per sample. */
  labels: Int32Array;
  /** Group index per sample, any whole numbers. */
  groups: Int32Array;
  /** Predicted class index per sample. */
  champion: Int32Array;
  challenger: Int32Array;
  /** Classes of either head and of the truth, under one numbering. */
  classCount: number;
}

export interface BootstrapOptions {
  /** Resamples. Default 2,000. */
  draws?: number;
  seed: number;
  /** Two-sided share of resamples inside [lower, upper], 0..1. Default 0.95. */
  confidence?: number;
}

export interface BootstrapInterval {
  /** macro-F1 of the challenger less that of the champion, on the samples as they are. */
  delta: number;
  lower: number;
  upper: number;
  groups: number;
  draws: number;
}

/**
 * Percentile interval of the difference in macro-F1 by a paired bootstrap that draws whole groups
 * (Efron & Tibshirani 1993; cluster form): frames of one pass are no independent evidence. Macro-F1
 * is the mean over classes that have samples; a class that a resample lost counts 0 for both heads.
 * @throws HL_COMPARISON_INVALID on no samples or arrays that do not fit.
 */
export function bootstrapMacroF1Delta(
  paired: PairedPredictions,
  options: BootstrapOptions,
): BootstrapInterval {
  const { labels, classCount } = paired;
  const { draws = 2_000, seed, confidence = 0.95 } = options;
  check(paired, draws, confidence);
  const dense = new Map<number, number>();
  for (const group of paired.groups) if (!dense.has(group)) dense.set(group, dense.size);
  const groups = dense.size;
  // Per group and class: support, then predicted and hits of the champion, then of the challenger.
  const width = 5 * classCount;
  const counts = new Float64Array(groups * width);
  const support = new Float64Array(classCount);
  for (let i = 0; i < labels.length; i++) {
    const at = dense.get(paired.groups[i]!)! * width;
    const label = labels[i]!;
    support[label]!++;
    counts[at + label]!++;
    for (const [head, block] of [
      [paired.champion, 1],
      [paired.challenger, 3],
    ] as const) {
      counts[at + block * classCount + head[i]!]!++;
      if (head[i] === label) counts[at + (block + 1) * classCount + label]!++;
    }
  }
  const present = [...support.keys()].filter((c) => support[c]! > 0);
  const total = new Float64Array(width);
  const add = (group: number) => {
    const from = group * width;
    for (let k = 0; k < width; k++) total[k] = total[k]! + counts[from + k]!;
  };
  for (let g = 0; g < groups; g++) add(g);
  const delta = macroF1Delta(total, present, classCount);
  const random = seededRandom(seed);
  const resampled = Float64Array.from({ length: draws }, () => {
    total.fill(0);
    for (let g = 0; g < groups; g++) add(random.below(groups));
    return macroF1Delta(total, present, classCount);
  }).sort();
  const tail = (1 - confidence) / 2;
  return {
    delta,
    lower: quantile(resampled, tail),
    upper: quantile(resampled, 1 - tail),
    groups,
    draws,
  };
}

function macroF1Delta(total: Float64Array, present: readonly number[], classCount: number): number {
  let sum = 0;
  for (const c of present) {
    sum += f1(total, c, 3, classCount) - f1(total, c, 1, classCount);
  }
  return sum / present.length;
}

function f1(total: Float64Array, c: number, block: number, classCount: number): number {
  const both = total[c]! + total[block * classCount + c]!;
  return both === 0 ? 0 : (2 * total[(block + 1) * classCount + c]!) / both;
}

/** Linear interpolation between order statistics (Hyndman & Fan's type 7, as NumPy does). */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}

function check(paired: PairedPredictions, draws: number, confidence: number): void {
  const { labels, groups, champion, challenger, classCount } = paired;
  const inRange = (x: number) => x >= 0 && x < classCount;
  const fits =
    labels.length > 0 &&
    [groups, champion, challenger].every((a) => a.length === labels.length) &&
    [labels, champion, challenger].every((a) => a.every(inRange));
  if (!fits || !(draws >= 1) || !(confidence > 0 && confidence < 1)) {
    throw new HeadlandError(
      'HL_COMPARISON_INVALID',
      `cannot compare ${champion.length} with ${challenger.length} predictions on ` +
        `${labels.length} samples (${draws} draws, confidence ${confidence})`,
      { remedy: 'Give one prediction of each head per sample, below classCount.' },
    );
  }
}

/** So much of what a head says is spread over all classes: one label in five may well be wrong. */
const LABEL_SPREAD = 0.2;

/**
 * Watches a promoted head beside the one before it. Each label multiplies the wealth by the root of
 * the ratio of the probabilities that the old and the new head gave to it (the spread aside). While
 * labels come about as the new head says, the mean of that factor is Σ √(p q) <= 1, so the chance that
 * the wealth EVER reaches 1 / error is at most `error` (Ville 1939; Grünwald et al. 2024, Safe testing)
 * and looking after every label is allowed. Of the ratio itself the mean would be 1 and no more: the
 * root leaves room for new heads that are better but not well calibrated, and for labels of one pass
 * that are alike.
 */
export class RollbackMonitor {
  readonly #classes: number;
  readonly #alarmAt: number;
  #logWealth = 0;

  /** @param classes that either head knows, >= 2. @param alarmAt wealth, > 1, default 20 (error 5 %). */
  constructor({ classes, alarmAt = 20 }: { classes: number; alarmAt?: number }) {
    if (!(classes >= 2 && alarmAt > 1)) {
      throw new HeadlandError('HL_COMPARISON_INVALID', `${classes} classes, alarm at ${alarmAt}`, {
        remedy: 'Watch heads of two classes or more and raise the alarm above 1.',
      });
    }
    this.#classes = classes;
    this.#alarmAt = alarmAt;
  }

  /**
   * Takes one labelled sample; returns true when the old head should come back.
   * @param oldProbability of the label by the old head, 0..1; 0 when it does not know it.
   */
  observe(oldProbability: number, newProbability: number): boolean {
    const spread = (probability: number): number =>
      (1 - LABEL_SPREAD) * probability + LABEL_SPREAD / this.#classes;
    this.#logWealth += Math.log(spread(oldProbability) / spread(newProbability)) / 2;
    return this.alarm;
  }

  get wealth(): number {
    return Math.exp(this.#logWealth);
  }

  get alarm(): boolean {
    return this.#logWealth >= Math.log(this.#alarmAt);
  }
}

/**
 * Error that the t-th comparison with the same head on the same exam may spend, so that all together stay below
 * `total`: total · 6 / (π² t²). @param t from 1.
 */
export function spentAlpha(t: number, total = 0.05): number {
  return (total * 6) / (Math.PI ** 2 * t ** 2);
}
