import { createRandom, shuffled } from '../../base/random.js';
import { minimise } from '../algebra/lbfgs.js';
import { indexOfLargest } from '../score.js';
import { subspacePoints } from '../unknown/novelty.js';
import type { NoveltyModel } from '../unknown/novelty-model.js';
import { BeliefFilter, type BeliefFrame } from './belief-filter.js';
import { type BeliefParameters, DEFAULT_BELIEF, type SceneChange } from './belief-parameters.js';
import { SceneCentre } from './scene-centre.js';
import { type Look, logDistance } from './scene-change.js';
import { LEAST_PROBABILITY } from './scene-run.js';

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
/** Prior spread of the offset and of the slope by distance around their defaults. */
const CHANGE_SPREAD = 0.6;
/**
 * Weight of a missed change, which spoils the next answers, against a false one, which only
 * forgets.
 */
const MISSED_CHANGE = 3;
const CHANGE_TOLERANCE = 1e-8;
const CHANGE_ITERATIONS = 100;

/**
 * Learns from labelled groups how scenes change and how alike the frames of one scene are: the
 * change by logistic regression on the distance of each image from those before, the correlation by
 * the log-loss of the belief at each frame. Groups follow each other in random orders, so that
 * scenes change. Both are shrunk towards {@link DEFAULT_BELIEF}, and equal it where there is nothing
 * to learn from.
 *
 * @param labels of the head.
 * @param novelty of the head.
 * @param groups Each of one thing, in order of time; `probabilities` by heads that never saw the
 *   group.
 */
export function fitBelief(
  labels: readonly string[],
  novelty: NoveltyModel,
  groups: readonly (readonly LabelledLook[])[],
): BeliefFit {
  const random = createRandom(ORDER_SEED);
  const learnt: (readonly LabelledFrame[])[] = [];
  let looks = 0;
  for (const group of shuffled(groups, random)) {
    if (group.length === 0 || looks + group.length > MAX_LOOKS) continue;
    learnt.push(group.map((look) => frameOf(labels, novelty, look)));
    looks += group.length;
  }
  const orders = Array.from({ length: ORDERS }, () => shuffled(learnt, random));
  const sceneChange = fitChange(orders);
  const series = orders.map((order) => order.flat());
  const lossOf = (correlation: number) => meanLogLoss(series, { correlation, sceneChange });
  const correlation = fitCorrelation(learnt.length, lossOf);
  return {
    parameters: { correlation, sceneChange },
    groups: learnt.length,
    logLoss: looks === 0 ? null : { single: singleLogLoss(learnt), belief: lossOf(correlation) },
  };
}

/** A frame and the scene before it. */
interface Step {
  logDistance: number;
  changed: boolean;
}

/**
 * Logistic regression with separate weights for the outcomes, because the share of changes among
 * labelled images differs from that in front of the camera.
 */
function fitChange(orders: readonly (readonly (readonly LabelledFrame[])[])[]): SceneChange {
  const { offset, perLogDistance } = DEFAULT_BELIEF.sceneChange;
  const prior = [offset, perLogDistance];
  const steps = orders.flatMap(stepsOf);
  const changes = steps.filter(({ changed }) => changed).length;
  const stays = steps.length - changes;
  const groups = orders[0]?.filter((group) => group.length > 1).length ?? 0;
  if (changes === 0 || stays === 0) return DEFAULT_BELIEF.sceneChange;
  // Steps in one group are alike, so each outcome weighs as much as there are groups with a step.
  const weights = { changed: (MISSED_CHANGE * groups) / changes, stayed: groups / stays };
  const fitted = Float64Array.from(prior);
  minimise(
    (at, gradient) => {
      let value = 0;
      for (let k = 0; k < 2; k++) {
        const off = (at[k]! - prior[k]!) / CHANGE_SPREAD;
        value += (off * off) / 2;
        gradient[k] = off / CHANGE_SPREAD;
      }
      for (const { logDistance: x, changed } of steps) {
        const weight = changed ? weights.changed : weights.stayed;
        const logOdds = at[0]! + at[1]! * x;
        const wrong = changed ? -logOdds : logOdds;
        value += weight * softplus(wrong);
        const slope = (changed ? -weight : weight) / (1 + Math.exp(-wrong));
        gradient[0]! += slope;
        gradient[1]! += slope * x;
      }
      return value;
    },
    fitted,
    {
      isDone: (_, gradient) => gradient.every((slope) => Math.abs(slope) < CHANGE_TOLERANCE),
      maxIterations: CHANGE_ITERATIONS,
    },
  );
  // A larger difference never counts against a change.
  return { offset: fitted[0]!, perLogDistance: Math.max(0, fitted[1]!) };
}

function stepsOf(order: readonly (readonly LabelledFrame[])[]): Step[] {
  const steps: Step[] = [];
  let before: { centre: SceneCentre; logRatios: Float64Array } | null = null;
  for (const group of order) {
    for (const [i, { place, probabilities }] of group.entries()) {
      if (before) {
        const { centre, logRatios } = before;
        const likely = indexOfLargest(logRatios, 0, logRatios.length);
        const distance = centre.distanceOf(place, likely);
        if (distance !== null) {
          steps.push({ logDistance: logDistance(distance), changed: i === 0 });
        }
      }
      if (!before || i === 0) {
        before = { centre: new SceneCentre(), logRatios: new Float64Array(probabilities.length) };
      }
      before.centre.add(place);
      for (let c = 0; c < probabilities.length; c++) {
        before.logRatios[c]! += Math.log(Math.max(LEAST_PROBABILITY, probabilities[c]!));
      }
    }
  }
  return steps;
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

function frameOf(
  labels: readonly string[],
  novelty: NoveltyModel,
  { dhash, features, probabilities, label }: LabelledLook,
): LabelledFrame {
  return {
    dhash,
    features,
    probabilities,
    labels,
    noveltyPValue: null,
    place: { model: novelty, point: subspacePoints(novelty, features) },
    atMs: Number.NaN,
    truth: labels.indexOf(label),
  };
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

function singleLogLoss(groups: readonly (readonly LabelledFrame[])[]): number {
  const losses = groups.flat().map(({ probabilities, truth }) => logLoss(probabilities, truth));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** -ln p; the probability of a label that the head does not know is 0. */
function logLoss(probabilities: ArrayLike<number>, label: number): number {
  return -Math.log(Math.max(Number.EPSILON, probabilities[label] ?? 0));
}
