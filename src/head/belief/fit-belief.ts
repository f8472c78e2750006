import { createRandom, shuffled } from '../../base/random.js';
import { minimise } from '../algebra/lbfgs.js';
import { BeliefFilter, type BeliefFrame } from './belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF } from './belief-parameters.js';
import { changeTerms, type Look, lookDifference } from './scene-change.js';

/** A labelled image with the answer of a head that never saw its group. */
export interface LabelledLook extends Look {
  /** The true label, one of the labels of the head. */
  label: string;
  /** One per label of the head, calibrated. */
  probabilities: ArrayLike<number>;
}

/**
 * Fitted parameters with their effect on the same answers: an optimistic figure, but of few
 * parameters.
 */
export interface BeliefFit {
  parameters: BeliefParameters;
  /** Number of groups that were learnt from. */
  groups: number;
  /** Mean -ln p of the label over frames; null without a frame. */
  logLoss: { single: number; belief: number } | null;
}

/** Most images that are learnt from, in whole groups. */
const MAX_LOOKS = 1_000;
/** Random orders of the groups, so that each group follows several others. */
const ORDERS = 2;
const ORDER_SEED = 1;
const CORRELATIONS = [0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 0.9];
/** Prior spread of the log-odds of the correlation around its default. */
const CORRELATION_SPREAD = 1;
/**
 * Prior spreads of the offset, the slope by distance and the slope by bits around their defaults.
 */
const CHANGE_SPREADS = [0.6, 0.6, 0.03];
/**
 * Weight of a missed change, which spoils the next answers, against a false one, which only
 * forgets.
 */
const MISSED_CHANGE = 3;
const CHANGE_TOLERANCE = 1e-8;
const CHANGE_ITERATIONS = 100;

/**
 * Learns from labelled groups how scenes change and how alike the frames of one scene are: the
 * change by logistic regression on pairs of consecutive images, the correlation by the log-loss of
 * the belief at each frame. Groups follow each other in random orders, so that scenes change. Both
 * are shrunk towards {@link DEFAULT_BELIEF}, and equal it where there is nothing to learn from.
 *
 * @param labels of the head.
 * @param groups Each of one thing, in order of time; `probabilities` by heads that never saw the
 *   group.
 */
export function fitBelief(
  labels: readonly string[],
  groups: readonly (readonly LabelledLook[])[],
): BeliefFit {
  const random = createRandom(ORDER_SEED);
  const learnt: (readonly LabelledLook[])[] = [];
  let looks = 0;
  for (const group of shuffled(groups, random)) {
    if (group.length === 0 || looks + group.length > MAX_LOOKS) continue;
    learnt.push(group);
    looks += group.length;
  }
  const orders = Array.from({ length: ORDERS }, () => shuffled(learnt, random));
  const change = fitChange(orders);
  const series = orders.map((order) => order.flat().map((look) => frameOf(labels, look)));
  const lossOf = (correlation: number) => meanLogLoss(series, { correlation, change });
  const correlation = fitCorrelation(learnt.length, lossOf);
  return {
    parameters: { correlation, change },
    groups: learnt.length,
    logLoss:
      looks === 0 ? null : { single: singleLogLoss(labels, learnt), belief: lossOf(correlation) },
  };
}

interface Pair {
  terms: [number, number, number];
  changed: boolean;
}

/**
 * Logistic regression with separate weights for the outcomes, because the share of changes among
 * labelled images differs from that in front of the camera.
 */
function fitChange(orders: readonly (readonly (readonly Look[])[])[]): BeliefParameters['change'] {
  const { offset, perLogDistance, perBit } = DEFAULT_BELIEF.change;
  const prior = [offset, perLogDistance, perBit];
  const pairs = orders.flatMap(pairsOf);
  const changes = pairs.filter(({ changed }) => changed).length;
  const stays = pairs.length - changes;
  const groups = orders[0]?.filter((group) => group.length > 1).length ?? 0;
  if (changes === 0 || stays === 0) return DEFAULT_BELIEF.change;
  // Pairs of one group are alike, so each outcome weighs as much as there are groups with a pair.
  const weights = { changed: (MISSED_CHANGE * groups) / changes, stayed: groups / stays };
  const x = Float64Array.from(prior);
  minimise(
    (at, gradient) => {
      let value = 0;
      for (let k = 0; k < 3; k++) {
        const off = (at[k]! - prior[k]!) / CHANGE_SPREADS[k]!;
        value += (off * off) / 2;
        gradient[k] = off / CHANGE_SPREADS[k]!;
      }
      for (const { terms, changed } of pairs) {
        const weight = changed ? weights.changed : weights.stayed;
        const logOdds = at[0]! * terms[0] + at[1]! * terms[1] + at[2]! * terms[2];
        const wrong = changed ? -logOdds : logOdds;
        value += weight * softplus(wrong);
        const slope = (changed ? -weight : weight) / (1 + Math.exp(-wrong));
        for (let k = 0; k < 3; k++) gradient[k]! += slope * terms[k]!;
      }
      return value;
    },
    x,
    {
      isDone: (_, gradient) => gradient.every((slope) => Math.abs(slope) < CHANGE_TOLERANCE),
      maxIterations: CHANGE_ITERATIONS,
    },
  );
  // A larger difference never counts against a change.
  return { offset: x[0]!, perLogDistance: Math.max(0, x[1]!), perBit: Math.max(0, x[2]!) };
}

function pairsOf(order: readonly (readonly Look[])[]): Pair[] {
  const pairs: Pair[] = [];
  let last: Look | null = null;
  for (const group of order) {
    for (const [i, look] of group.entries()) {
      if (last) {
        pairs.push({ terms: changeTerms(lookDifference(last, look)), changed: i === 0 });
      }
      last = look;
    }
  }
  return pairs;
}

function softplus(x: number): number {
  return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** @param lossOf Mean log-loss per frame; frames of a group are right or wrong together. */
function fitCorrelation(groups: number, lossOf: (correlation: number) => number): number {
  const { correlation: usual } = DEFAULT_BELIEF;
  let best = usual;
  let least = Number.POSITIVE_INFINITY;
  for (const correlation of groups === 0 ? [] : CORRELATIONS) {
    const off = (logit(correlation) - logit(usual)) / CORRELATION_SPREAD;
    const loss = groups * lossOf(correlation) + (off * off) / 2;
    if (loss < least) {
      least = loss;
      best = correlation;
    }
  }
  return best;
}

function logit(p: number): number {
  return Math.log(p / (1 - p));
}

interface LabelledFrame extends BeliefFrame {
  /** Index of the true label; -1: none of them. */
  truth: number;
}

function frameOf(labels: readonly string[], look: LabelledLook): LabelledFrame {
  const { dhash, features, probabilities, label } = look;
  const truth = labels.indexOf(label);
  return { dhash, features, probabilities, labels, noveltyPValue: null, atMs: Number.NaN, truth };
}

function meanLogLoss(
  series: readonly (readonly LabelledFrame[])[],
  parameters: BeliefParameters,
): number {
  let sum = 0;
  let frames = 0;
  for (const those of series) {
    const filter = new BeliefFilter({ parameters, unknownAlpha: 0 });
    for (const frame of those) sum += logLoss(filter.observe(frame).labels, frame.truth);
    frames += those.length;
  }
  return sum / frames;
}

function singleLogLoss(
  labels: readonly string[],
  groups: readonly (readonly LabelledLook[])[],
): number {
  const losses = groups
    .flat()
    .map(({ probabilities, label }) => logLoss(probabilities, labels.indexOf(label)));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** -ln p; the probability of a label that the head does not know is 0. */
function logLoss(probabilities: ArrayLike<number>, label: number): number {
  return -Math.log(Math.max(Number.EPSILON, probabilities[label] ?? 0));
}
