import { classificationMetrics } from '../../src/head/metrics.js';

/** What is answered to test photos. Shares are 0..1. */
export interface Scores {
  /** Test photos. */
  samples: number;
  /** Of the guess, whether or not the decision is `unknown`. */
  top1: number;
  macroF1: number;
  /** Nats; null: there are no probabilities. */
  logLoss: number | null;
  ece: number | null;
  /** Recall of each class that the test asks about. */
  recall: Record<string, number>;
}

/** What the serving head decides beside its guess. */
export interface DecisionScores extends Scores {
  /** Decisions that are not `unknown`. */
  answered: number;
  rightAndAnswered: number;
  /** Of photos whose class the head knows: called `unknown`, for whatever reason. */
  falseUnknown: number;
  /** Of these: called strange by the novelty p-value. */
  falseNovel: number;
}

/**
 * Scores of probabilities by scikit-learn's definitions; macro-F1 over the classes in `alive`.
 * @param probabilities n x classes, rows sum to 1; one-hot where only a guess is known
 * @param truth index into `classes`
 */
export function scoresOf(
  probabilities: Float64Array,
  truth: readonly number[],
  classes: readonly string[],
  alive: readonly string[],
  { hasProbabilities = true } = {},
): Scores {
  const metrics = classificationMetrics(probabilities, Int32Array.from(truth), classes.length);
  const rows = alive.map((label) => metrics.perClass[classes.indexOf(label)]!);
  return {
    samples: truth.length,
    top1: metrics.accuracy,
    macroF1: mean(rows.map(({ f1 }) => f1)),
    logLoss: hasProbabilities ? metrics.logLoss : null,
    ece: hasProbabilities ? metrics.ece : null,
    recall: Object.fromEntries(alive.map((label, i) => [label, rows[i]!.recall])),
  };
}

/** What a robot without a head is worth: nothing is named, every class is as likely. */
export function noHead(samples: number, alive: readonly string[]): DecisionScores {
  return {
    samples,
    top1: 0,
    macroF1: 0,
    logLoss: Math.log(alive.length),
    ece: null,
    recall: Object.fromEntries(alive.map((label) => [label, 0])),
    answered: 0,
    rightAndAnswered: 0,
    falseUnknown: 0,
    falseNovel: 0,
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Two standard errors of the mean; null with fewer than two values. */
export function twoErrors(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return 2 * Math.sqrt(squares / (values.length - 1) / values.length);
}

export interface Estimate {
  mean: number;
  /** Two standard errors; null: a single value. */
  error: number | null;
}

export function estimate(values: readonly number[]): Estimate {
  return { mean: mean(values), error: twoErrors(values) };
}

/**
 * The peer with the highest mean over the same orders, and by how much it leads `ours`, paired by
 * order: positive = we are behind.
 * @param peers for each name one value an order, in the order of `ours`
 */
export function regretOf(
  ours: readonly number[],
  peers: ReadonlyMap<string, readonly number[]>,
): { best: string; regret: Estimate } | null {
  let best: string | null = null;
  for (const [name, values] of peers) {
    if (values.length !== ours.length) throw new RangeError(`${name}: other orders than ours`);
    if (best === null || mean(values) > mean(peers.get(best)!)) best = name;
  }
  if (best === null) return null;
  return { best, regret: estimate(peers.get(best)!.map((value, i) => value - ours[i]!)) };
}
