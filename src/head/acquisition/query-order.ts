import { sketchDistance } from './sketch.js';

/** An unlabelled sample whose label may help. */
export interface Candidate {
  sketch: Float32Array;
  /** Squared distance to the nearest labelled sample; Infinity: nothing is labelled. */
  nearest: number;
  /** Entropy of the head's answer as a share of that of no knowledge, 0..1; null: no head answers. */
  entropy: number | null;
  /** Labels of the class of the nearest labelled sample over the mean of all classes; null: there is none. */
  classShare: number | null;
}

/** Between samples that the head is sure of, the one least like the others comes first. */
const LEAST_ENTROPY = 0.01;

/**
 * The order in which labels help most, greedily: value = entropy · distance · sqrt(1 / (classShare)), where
 * the distance is that to the nearest sample that is labelled or chosen already. Entropy finds what the head
 * does not know, the distance keeps look-alikes apart (k-centre greedy: Sener & Savarese 2018, Active Learning
 * for Convolutional Neural Networks), and the last factor prefers what looks like a rare class. Without a head
 * only the distance counts, the best rule for first labels. Chosen on the training parts of photo sets:
 * bench/results/queue.md.
 *
 * Cost: count x n distances.
 * @returns indices of at most `count` candidates, the most valuable first
 */
export function queryOrder(candidates: readonly Candidate[], count: number): number[] {
  const nearest = Float64Array.from(candidates, (candidate) => candidate.nearest);
  const weights = Float64Array.from(candidates, weightOf);
  const left = new Set(candidates.keys());
  const order: number[] = [];
  while (order.length < count && left.size > 0) {
    const first = order.length === 0 && nearest.every((each) => each === Number.POSITIVE_INFINITY);
    const chosen = first ? mostTypical(candidates) : mostValuable(left, nearest, weights);
    order.push(chosen);
    left.delete(chosen);
    for (const i of left) {
      const distance = sketchDistance(candidates[i]!.sketch, candidates[chosen]!.sketch);
      if (distance < nearest[i]!) nearest[i] = distance;
    }
  }
  return order;
}

function weightOf({ entropy, classShare }: Candidate): number {
  if (entropy === null) return 1;
  return Math.max(entropy, LEAST_ENTROPY) / Math.sqrt(classShare ?? 1);
}

function mostValuable(
  left: ReadonlySet<number>,
  nearest: Float64Array,
  weights: Float64Array,
): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (const i of left) {
    const value = weights[i]! * Math.sqrt(nearest[i]!);
    if (value <= most) continue;
    most = value;
    best = i;
  }
  return best;
}

/** The candidate nearest to the mean of all. */
function mostTypical(candidates: readonly Candidate[]): number {
  const mean = new Float32Array(candidates[0]!.sketch.length);
  for (const { sketch } of candidates) {
    for (let k = 0; k < mean.length; k++) mean[k] = mean[k]! + sketch[k]! / candidates.length;
  }
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, { sketch }] of candidates.entries()) {
    const distance = sketchDistance(sketch, mean);
    if (distance >= least) continue;
    least = distance;
    best = i;
  }
  return best;
}
