import type { HeadlandError } from '../../base/errors.js';
import { bestCandidate } from '../learners/select.js';
import type { Candidate } from '../training-set.js';
import { triangleLength } from '../unknown/novelty-model.js';
import { SUMS_TRANSFORM } from './basis.js';
import { binOf, HISTOGRAM_BINS, noveltyOfRow, type SumsGaussians } from './gaussian-sums.js';
import type { RidgeHeads } from './ridge-sums.js';
import { invalidObject, openSealed, sealed } from './sealed.js';

const MAGIC = 'HLFCAN01';
const MAX_BYTES = 268_435_456;
const SMALLEST_PROBABILITY = Number.EPSILON;

/** Factors that turn ridge outputs into logits: 1 to 100, evenly by logarithm. */
export const SCALES: readonly number[] = Array.from({ length: 13 }, (_, i) => 10 ** (i / 6));

/**
 * Heads of several λ that a robot judges: they were made without its samples.
 */
export interface Candidates {
  labels: readonly string[];
  lambdas: readonly number[];
  directions: number;
  /** λs x C x k, row-major. */
  weights: Float32Array;
  /** λs x C. */
  bias: Float32Array;
  /** What tells unknown things. */
  gaussians: SumsGaussians;
}

/** What a robot answers about one class of candidates. */
export interface ClassAnswers {
  label: string;
  /** Σ of the shares of its samples. */
  samples: number;
  /** For each λ, Σ of the shares of the samples that are answered right. */
  right: number[];
  /** For each λ and each of {@link SCALES} (λ-major), Σ of share · -ln p; nats, p clipped at 2.2e-16. */
  loss: number[];
}

/** Counts and sums of losses, and nothing else of the samples. */
export interface CandidateAnswers {
  classes: ClassAnswers[];
  /** Σ of the shares of samples whose class the candidates do not know. */
  notKnown: number;
  /** Σ of the shares of the samples of known classes, by bin of their novelty score. */
  novelty: number[];
}

export function candidatesOf(
  { labels, lambdas, weights, bias }: RidgeHeads,
  gaussians: SumsGaussians,
): Candidates {
  const count = labels.length;
  const directions = weights[0]!.length / count;
  const all = new Float32Array(lambdas.length * count * directions);
  const allBias = new Float32Array(lambdas.length * count);
  for (const [l, own] of weights.entries()) all.set(own, l * count * directions);
  for (const [l, own] of bias.entries()) allBias.set(own, l * count);
  return { labels, lambdas, directions, weights: all, bias: allBias, gaussians };
}

export function encodeCandidates(candidates: Candidates): Uint8Array {
  const { labels, lambdas, directions, weights, bias, gaussians } = candidates;
  const { dimensions, within, means, background, centre, vectors } = gaussians;
  const covariances = within.length / triangleLength(dimensions);
  return sealed(MAGIC, { labels, lambdas, directions, dimensions, covariances }, [
    weights,
    bias,
    within,
    means,
    background,
    centre,
    vectors,
  ]);
}

/** @throws HL_FLEET_OBJECT_INVALID */
export function decodeCandidates(bytes: Uint8Array): Candidates {
  let shape: Shape | undefined;
  const { payload } = openSealed(MAGIC, bytes, MAX_BYTES, (header) => {
    shape = shapeOf(header);
    return lengthsOf(shape).map((length) => ({ length, size: 4 as const }));
  });
  const { labels, lambdas, directions, dimensions } = shape!;
  const values = new Float32Array(payload.buffer, payload.byteOffset, payload.length / 4);
  if (!values.every(Number.isFinite)) throw invalidObject('a value is not a finite number');
  let at = 0;
  const [weights, bias, within, means, background, centre, vectors] = lengthsOf(shape!).map(
    (length) => {
      at += length;
      return values.subarray(at - length, at);
    },
  );
  return {
    labels,
    lambdas,
    directions,
    weights: weights!,
    bias: bias!,
    gaussians: {
      dimensions,
      within: within!,
      means: means!,
      background: background!,
      centre: centre!,
      vectors: vectors!,
    },
  };
}

interface Shape {
  labels: string[];
  lambdas: number[];
  directions: number;
  dimensions: number;
  covariances: number;
}

/** Lengths of weights, bias, within, means, background, centre and vectors. */
function lengthsOf({ labels, lambdas, directions, dimensions, covariances }: Shape): number[] {
  const rows = lambdas.length * labels.length;
  const triangle = triangleLength(dimensions);
  return [
    rows * directions,
    rows,
    covariances * triangle,
    labels.length * dimensions,
    triangle,
    dimensions,
    dimensions * directions,
  ];
}

function shapeOf(header: Record<string, unknown>): Shape {
  const { labels, lambdas, directions, dimensions, covariances } = header;
  if (!isSortedLabels(labels) || !isLambdas(lambdas)) throw invalidForm();
  if (!isWhole(directions, 4_096) || !isWhole(dimensions, directions)) throw invalidForm();
  if (covariances !== 1 && covariances !== labels.length) throw invalidForm();
  return { labels, lambdas, directions, dimensions, covariances };
}

function isSortedLabels(labels: unknown): labels is string[] {
  return (
    Array.isArray(labels) &&
    labels.length >= 2 &&
    labels.length <= 4_096 &&
    labels.every((label: unknown) => typeof label === 'string' && label !== '') &&
    labels.every((label, i) => i === 0 || labels[i - 1] < label)
  );
}

function isLambdas(lambdas: unknown): lambdas is number[] {
  return (
    Array.isArray(lambdas) &&
    lambdas.length >= 1 &&
    lambdas.length <= 64 &&
    lambdas.every((lambda: unknown) => typeof lambda === 'number' && lambda > 0)
  );
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
}

function invalidForm(): HeadlandError {
  return invalidObject('candidates with a header of the wrong form');
}

/** Outputs of one candidate. @param z rows x k. @returns rows x C */
export function outputsOf(
  { labels, directions: k, weights, bias }: Omit<Candidates, 'gaussians'>,
  lambda: number,
  z: Float64Array,
): Float64Array {
  const count = labels.length;
  const rows = z.length / k;
  const out = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < count; c++) {
      const from = (lambda * count + c) * k;
      let value = bias[lambda * count + c]!;
      for (let j = 0; j < k; j++) value += weights[from + j]! * z[row * k + j]!;
      out[row * count + c] = value;
    }
  }
  return out;
}

/**
 * Judges candidates on a robot's own samples.
 * @param z rows x k
 * @param labels of each row, by the names of the fleet; null: the row is left out
 * @param shares weight of each row, (0, 1]
 */
export function judgeCandidates(
  candidates: Candidates,
  z: Float64Array,
  labels: readonly (string | null)[],
  shares: Float64Array,
): CandidateAnswers {
  const { labels: names, lambdas } = candidates;
  const index = new Map(names.map((name, c) => [name, c]));
  const tallies = new Map<number, ClassAnswers>();
  const novelty: number[] = Array.from({ length: HISTOGRAM_BINS }, () => 0);
  const k = candidates.directions;
  let notKnown = 0;
  for (const [row, label] of labels.entries()) {
    if (label === null) continue;
    const c = index.get(label);
    if (c === undefined) {
      notKnown += shares[row]!;
      continue;
    }
    let tally = tallies.get(c);
    if (!tally) {
      const zeros = (length: number): number[] => Array.from({ length }, () => 0);
      const loss = zeros(lambdas.length * SCALES.length);
      tally = { label, samples: 0, right: zeros(lambdas.length), loss };
      tallies.set(c, tally);
    }
    tally.samples += shares[row]!;
    const score = noveltyOfRow(candidates.gaussians, z.subarray(row * k, (row + 1) * k));
    novelty[binOf(score)]! += shares[row]!;
  }
  for (const l of lambdas.keys()) {
    const outputs = outputsOf(candidates, l, z);
    for (const [row, label] of labels.entries()) {
      const c = label === null ? undefined : index.get(label);
      if (c === undefined) continue;
      const own = outputs.subarray(row * names.length, (row + 1) * names.length);
      judgeRow(tallies.get(c)!, l, own, c, shares[row]!);
    }
  }
  const classes = [...tallies].sort(([a], [b]) => a - b).map(([, tally]) => tally);
  return { classes, notKnown, novelty };
}

function judgeRow(
  tally: ClassAnswers,
  lambda: number,
  outputs: Float64Array,
  truth: number,
  share: number,
): void {
  let best = 0;
  for (let c = 1; c < outputs.length; c++) if (outputs[c]! > outputs[best]!) best = c;
  if (best === truth) tally.right[lambda] = tally.right[lambda]! + share;
  for (const [s, scale] of SCALES.entries()) {
    let sum = 0;
    for (const output of outputs) sum += Math.exp(scale * (output - outputs[best]!));
    const p = Math.exp(scale * (outputs[truth]! - outputs[best]!)) / sum;
    const at = lambda * SCALES.length + s;
    tally.loss[at] = tally.loss[at]! - share * Math.log(Math.max(p, SMALLEST_PROBABILITY));
  }
}

/** Scores of a choice on robots that it has not seen. */
export interface FleetScore {
  /** Mean over classes of the share of right answers, 0..1. */
  macroAccuracy: number;
  /** Share of right answers of all samples, 0..1. */
  accuracy: number;
  /** Mean over classes of the mean -ln p, nats. */
  macroLogLoss: number;
  /** Σ of the shares of the samples. */
  samples: number;
}

export interface Choice extends FleetScore {
  lambdaIndex: number;
  /** One of {@link SCALES}. */
  scale: number;
}

/**
 * Chooses λ and scale by the answers of robots about heads without them: for each λ the scale of least
 * macro log-loss, then the λ as any other candidate of a training is chosen.
 * @returns null without an answer about a known class
 */
export function chooseCandidate(
  answers: readonly CandidateAnswers[],
  lambdas: readonly number[],
): Choice | null {
  return bestChoice(scoresOfLambdas(answers, lambdas), lambdas);
}

/** The choice of {@link chooseCandidate} among the scores of every λ; null: there are none. */
export function bestChoice(choices: readonly Choice[], lambdas: readonly number[]): Choice | null {
  if (choices.length === 0) return null;
  const candidates: Candidate[] = choices.map(({ lambdaIndex, macroLogLoss, macroAccuracy }) => ({
    lambda: lambdas[lambdaIndex]!,
    transform: SUMS_TRANSFORM,
    logLoss: macroLogLoss,
    // Counts of right answers tell no F1; the mean recall of the classes breaks ties as well.
    macroF1: macroAccuracy,
  }));
  return choices[bestCandidate(candidates)]!;
}

/**
 * The scores of each λ at its scale of least macro log-loss, in the order of `lambdas`.
 * @returns empty without an answer about a known class
 */
export function scoresOfLambdas(
  answers: readonly CandidateAnswers[],
  lambdas: readonly number[],
): Choice[] {
  const classes = merged(answers);
  if (classes.length === 0) return [];
  return lambdas.map((_, lambdaIndex) => {
    const losses = SCALES.map((_scale, s) => macroLoss(classes, lambdaIndex * SCALES.length + s));
    const best = losses.indexOf(Math.min(...losses));
    return { lambdaIndex, scale: SCALES[best]!, ...scoreOfClasses(classes, lambdaIndex, best) };
  });
}

/** The score of one choice on the samples of some robots; null: they have none that it knows. */
export function scoreOf(
  answers: readonly CandidateAnswers[],
  lambdaIndex: number,
  scale: number,
): FleetScore | null {
  const classes = merged(answers);
  if (classes.length === 0) return null;
  return scoreOfClasses(classes, lambdaIndex, SCALES.indexOf(scale));
}

function scoreOfClasses(
  classes: readonly ClassAnswers[],
  lambdaIndex: number,
  scaleIndex: number,
): FleetScore {
  const at = lambdaIndex * SCALES.length + scaleIndex;
  const samples = classes.reduce((sum, own) => sum + own.samples, 0);
  const right = classes.reduce((sum, own) => sum + own.right[lambdaIndex]!, 0);
  return {
    macroAccuracy: macroRecall(classes, lambdaIndex),
    accuracy: right / samples,
    macroLogLoss: macroLoss(classes, at),
    samples,
  };
}

function merged(answers: readonly CandidateAnswers[]): ClassAnswers[] {
  const byLabel = new Map<string, ClassAnswers>();
  for (const { classes } of answers) {
    for (const own of classes) {
      const sum = byLabel.get(own.label);
      if (!sum) {
        byLabel.set(own.label, { ...own, right: [...own.right], loss: [...own.loss] });
        continue;
      }
      sum.samples += own.samples;
      for (const [i, value] of own.right.entries()) sum.right[i] = sum.right[i]! + value;
      for (const [i, value] of own.loss.entries()) sum.loss[i] = sum.loss[i]! + value;
    }
  }
  return [...byLabel.values()].filter(({ samples }) => samples > 0);
}

function macroLoss(classes: readonly ClassAnswers[], at: number): number {
  return classes.reduce((sum, { loss, samples }) => sum + loss[at]! / samples, 0) / classes.length;
}

function macroRecall(classes: readonly ClassAnswers[], lambda: number): number {
  return (
    classes.reduce((sum, { right, samples }) => sum + right[lambda]! / samples, 0) / classes.length
  );
}
