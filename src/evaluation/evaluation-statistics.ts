import { createRandom } from '../base/random.js';
import { scoreInterval, shareInterval } from '../head/intervals/share-interval.js';
import type { Interval } from '../head/intervals/wilson.js';
import { indexOfLargest } from '../head/score.js';
import type { ReliabilityBin } from './evaluation-types.js';

const DRAWS = 1_000;
/** Fewer groups say nothing about others. */
const MIN_GROUPS = 5;
const BINS = 10;

/** Answers to samples of known label: one row per sample, all over the same classes. */
export interface Answers {
  /** n x C, row-major. */
  probabilities: Float64Array;
  /** Column of the true class; a class that no head knows has a column of zeros. */
  truth: Int32Array;
  groups: readonly string[];
  classCount: number;
}

/**
 * 95 % intervals of accuracy and macro-F1 that count groups, because frames of one pass are not
 * independent; see {@link scoreInterval}. Macro-F1 is over the classes that occur in `answers`; its
 * variance comes from a bootstrap that draws whole groups. Null with fewer than five groups.
 */
export function groupIntervals(answers: Answers): { accuracy: Interval; macroF1: Interval } | null {
  const { probabilities, truth, classCount } = answers;
  const names = [...new Set(answers.groups)];
  if (names.length < MIN_GROUPS) return null;
  const indexOf = new Map(names.map((name, i) => [name, i]));
  // Per group and class: support, answered, right.
  const width = 3 * classCount;
  const counts = new Float64Array(names.length * width);
  for (let i = 0; i < truth.length; i++) {
    const at = (indexOf.get(answers.groups[i]!) as number) * width;
    const guess = indexOfLargest(probabilities, i * classCount, classCount);
    counts[at + truth[i]! * 3]!++;
    counts[at + guess * 3 + 1]!++;
    if (guess === truth[i]) counts[at + guess * 3 + 2]!++;
  }
  const ofGroup = (group: number): Float64Array =>
    counts.subarray(group * width, (group + 1) * width);
  const whole = new Float64Array(width);
  for (const group of names.keys()) add(whole, ofGroup(group));
  const groups = names.map((_, group) => {
    const [, answered, right] = totals(ofGroup(group));
    return { answers: answered, right };
  });
  const { macroF1, present } = macroOf(whole, classCount);
  const weighted = Array.from(truth, (label, i) => {
    return { weight: 1 / (present * whole[3 * label]!), group: answers.groups[i]! };
  });
  const [, , right] = totals(whole);
  return {
    accuracy: shareInterval(groups),
    macroF1: scoreInterval(
      macroF1,
      weighted,
      truth.length - right,
      variance(drawnScores(names.length, ofGroup, classCount)),
    ),
  };
}

/** Macro-F1 of draws of whole groups with replacement. */
function drawnScores(
  groups: number,
  ofGroup: (group: number) => Float64Array,
  classCount: number,
): Float64Array {
  const random = createRandom(1);
  const sum = new Float64Array(3 * classCount);
  return Float64Array.from({ length: DRAWS }, () => {
    sum.fill(0);
    for (let g = 0; g < groups; g++) add(sum, ofGroup(random.int(groups)));
    return macroOf(sum, classCount).macroF1;
  });
}

function add(sum: Float64Array, counts: Float64Array): void {
  for (let k = 0; k < sum.length; k++) sum[k] = sum[k]! + counts[k]!;
}

/** Sums over classes: support, answered, right. */
function totals(counts: Float64Array): [support: number, answered: number, right: number] {
  const sums: [number, number, number] = [0, 0, 0];
  counts.forEach((count, k) => {
    sums[k % 3] = sums[k % 3]! + count;
  });
  return sums;
}

/** Mean F1 over the classes that occur, and their number. */
function macroOf(counts: Float64Array, classCount: number): { macroF1: number; present: number } {
  let f1 = 0;
  let present = 0;
  for (let c = 0; c < classCount; c++) {
    const [support, answered, hits] = [counts[3 * c]!, counts[3 * c + 1]!, counts[3 * c + 2]!];
    if (support === 0) continue;
    present++;
    f1 += (2 * hits) / (support + answered);
  }
  return { macroF1: f1 / present, present };
}

function variance(values: Float64Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
}

/** Cuts the answers into bins of equal mass by their probability, the least sure first. */
export function reliabilityBins({ probabilities, truth, classCount }: Answers): ReliabilityBin[] {
  const answers = Array.from(truth, (label, i) => {
    const guess = indexOfLargest(probabilities, i * classCount, classCount);
    return { confidence: probabilities[i * classCount + guess]!, right: guess === label ? 1 : 0 };
  }).sort((a, b) => a.confidence - b.confidence || a.right - b.right);
  const bins: ReliabilityBin[] = [];
  let from = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const size = Math.floor(answers.length / BINS) + (bin < answers.length % BINS ? 1 : 0);
    const part = answers.slice(from, from + size);
    from += size;
    if (part.length === 0) continue;
    bins.push({
      samples: part.length,
      confidence: part.reduce((sum, a) => sum + a.confidence, 0) / part.length,
      accuracy: part.reduce((sum, a) => sum + a.right, 0) / part.length,
    });
  }
  return bins;
}
