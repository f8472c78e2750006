import { Heap } from '../../base/values/heap.js';
import { sketchDistance } from './sketch.js';

/** An unlabelled sample whose label may help. */
export interface Candidate {
  sketch: Float32Array;
  /** Squared distance to the nearest labelled sample; Infinity: nothing is labelled. */
  nearest: number;
  /** What the head says; null: no head answers. */
  answer: Doubtful | null;
  /** Labels of the class of the nearest labelled sample over the mean of all classes; null: there is none. */
  classShare: number | null;
}

export interface Doubtful {
  /** Of the probabilities, as a share of that of equal ones: 0..1. */
  entropy: number;
  /** Share of known samples that are at least as novel, 0..1; null: not known. */
  noveltyPValue: number | null;
}

/** Between samples that the head is sure of, the one least like the others comes first. */
const LEAST_DOUBT = 0.01;
/** Doubt about what is most probably none of the classes, however sure the head is of one. */
const DOUBT_OF_NOVEL = 0.5;
/** Below this p-value a sample counts as novel here. */
const NOVEL_BELOW = 0.05;
/** Most candidates, and most samples that they stand for, that are compared while no head answers. */
const MAX_STAND_INS = 512;
const MAX_STOOD_FOR = 256;
/** Squared distance of unrelated sketches: nothing is further away. */
const FARTHEST = 2;

/**
 * The order in which labels help most, greedily.
 *
 * With a head: by value = entropy · distance / sqrt(classShare). The entropy is what the head does not know;
 * the distance to the nearest sample that is labelled or chosen already keeps look-alikes apart (k-centre
 * greedy: Sener & Savarese 2018, Active Learning for Convolutional Neural Networks); the divisor prefers what
 * looks like a rare class. What the novelty model calls strange counts as doubtful even if the head is sure.
 *
 * Without a head: the sample that brings all others nearest to something labelled (facility location: Wei,
 * Iyer & Bilmes 2015, Submodularity in Data Subset Selection and Active Learning), over an even selection of
 * them. The first labels then show what is usual, not what is odd.
 *
 * Chosen on training parts of photo sets: bench/results/queue.md.
 *
 * Cost: the distances of what comes near the front; without a head count x 512 x 256.
 * @returns indices of at most `count` candidates, the most valuable first
 */
export function queryOrder(candidates: readonly Candidate[], count: number): number[] {
  const nearest = Float64Array.from(candidates, (candidate) =>
    Math.min(FARTHEST, candidate.nearest),
  );
  return candidates.some(({ answer }) => answer !== null)
    ? byValue(candidates, count, nearest)
    : byCentrality(candidates, count, nearest);
}

function weightOf({ answer, classShare }: Candidate): number {
  if (answer === null) return 1;
  const isNovel = (answer.noveltyPValue ?? 1) < NOVEL_BELOW;
  const doubt = Math.max(answer.entropy, isNovel ? DOUBT_OF_NOVEL : LEAST_DOUBT);
  return doubt / Math.sqrt(classShare ?? 1);
}

/** Entropy as a share of that of equal probabilities: 0..1; 0 for one class. */
export function relativeEntropy(probabilities: ArrayLike<number>): number {
  let entropy = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return probabilities.length > 1 ? entropy / Math.log(probabilities.length) : 0;
}

/**
 * A value only falls as others are chosen. So only the candidate that seems best is measured again, until one
 * is still the best (Minoux 1978, Accelerated greedy algorithms).
 */
function byValue(candidates: readonly Candidate[], count: number, nearest: Float64Array): number[] {
  const weights = Float64Array.from(candidates, weightOf);
  const values = weights.map((weight, i) => weight * Math.sqrt(nearest[i]!));
  /** How many of the chosen ones the value takes into account. */
  const measured = new Uint32Array(candidates.length);
  const heap = new Heap(candidates.keys(), (a, b) => {
    return values[a]! > values[b]! || (values[a] === values[b] && a < b);
  });
  const order: number[] = [];
  while (order.length < count) {
    const best = heap.peek();
    if (best === undefined) break;
    if (measured[best] === order.length) {
      order.push(best);
      heap.pop();
      continue;
    }
    for (const chosen of order.slice(measured[best])) {
      const distance = sketchDistance(candidates[best]!.sketch, candidates[chosen]!.sketch);
      if (distance < nearest[best]!) nearest[best] = distance;
    }
    measured[best] = order.length;
    values[best] = weights[best]! * Math.sqrt(nearest[best]!);
    heap.sinkFirst();
  }
  return order;
}

function byCentrality(
  candidates: readonly Candidate[],
  count: number,
  nearest: Float64Array,
): number[] {
  const others = evenly([...candidates.keys()], MAX_STOOD_FOR);
  const left = new Set(candidates.keys());
  const order: number[] = [];
  while (order.length < count && left.size > 0) {
    const chosen = mostCentral(candidates, left, others, nearest);
    order.push(chosen);
    left.delete(chosen);
    for (const j of others) {
      const distance = sketchDistance(candidates[j]!.sketch, candidates[chosen]!.sketch);
      if (distance < nearest[j]!) nearest[j] = distance;
    }
    nearest[chosen] = 0;
  }
  return order;
}

/** The candidate that shortens the distances of others to labelled or chosen samples most. */
function mostCentral(
  candidates: readonly Candidate[],
  left: ReadonlySet<number>,
  others: readonly number[],
  nearest: Float64Array,
): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (const i of evenly([...left], MAX_STAND_INS)) {
    let gain = 0;
    for (const j of others) {
      const distance = sketchDistance(candidates[i]!.sketch, candidates[j]!.sketch);
      gain += Math.max(0, nearest[j]! - distance);
    }
    if (gain <= most) continue;
    most = gain;
    best = i;
  }
  return best;
}

/** At most `most` of the items, evenly spaced. */
function evenly<T>(items: readonly T[], most: number): T[] {
  const length = Math.min(most, items.length);
  return Array.from({ length }, (_, i) => items[Math.floor((i * items.length) / length)]!);
}
