import { createRandom } from '../base/random.js';
import { indexOfLargest } from '../head/score.js';
import type { Interval, ReliabilityBin } from './evaluation-types.js';

const DRAWS = 1_000;
/** With fewer groups a bootstrap over groups means nothing. */
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
 * 95 % percentile intervals by a bootstrap that draws whole groups, because frames of one pass are
 * not independent. Macro-F1 is over the classes of `answers`; in a draw without samples of a class,
 * its F1 comes from the wrong answers alone.
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
  const random = createRandom(1);
  const accuracies = new Float64Array(DRAWS);
  const scores = new Float64Array(DRAWS);
  const sum = new Float64Array(width);
  for (let draw = 0; draw < DRAWS; draw++) {
    sum.fill(0);
    for (let g = 0; g < names.length; g++) {
      const from = random.int(names.length) * width;
      for (let k = 0; k < width; k++) sum[k] = sum[k]! + counts[from + k]!;
    }
    const { accuracy, macroF1 } = scoresOf(sum, classCount);
    accuracies[draw] = accuracy;
    scores[draw] = macroF1;
  }
  return { accuracy: middle(accuracies), macroF1: middle(scores) };
}

function scoresOf(sum: Float64Array, classCount: number): { accuracy: number; macroF1: number } {
  let samples = 0;
  let right = 0;
  let f1 = 0;
  let present = 0;
  for (let c = 0; c < classCount; c++) {
    const [support, answered, hits] = [sum[3 * c]!, sum[3 * c + 1]!, sum[3 * c + 2]!];
    samples += support;
    right += hits;
    if (support === 0) continue;
    present++;
    f1 += (2 * hits) / (support + answered);
  }
  return { accuracy: right / samples, macroF1: f1 / present };
}

function middle(values: Float64Array): Interval {
  values.sort();
  const at = (share: number) => values[Math.round(share * (values.length - 1))]!;
  return { lower: at(0.025), upper: at(0.975) };
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
