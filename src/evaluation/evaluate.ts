import type { Embedder } from '../backbone/embedder.js';
import { HeadlandError } from '../base/errors.js';
import type { Head } from '../head/head.js';
import { labelledMetrics } from '../head/labelled-metrics.js';
import { headProbabilities, indexOfLargest } from '../head/score.js';
import type { TrainingSet } from '../head/training-set.js';
import { answerProbability } from '../head/unknown/conformal.js';
import { fitClassGaussians } from '../head/unknown/novelty-fit.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { SampleStore } from '../samples/store.js';
import {
  type Collected,
  collect,
  type LabelledSample,
  readLabelled,
} from '../training/data/collect.js';
import { embedMissing } from '../training/data/embed-missing.js';
import { assemble, originals, presentOriginals } from '../training/data/feature-matrix.js';
import {
  calibrated,
  type FittedRecipe,
  fitRecipe,
  withGaussians,
} from '../training/fit/recipes.js';
import { fitTfLayers } from '../training/fit/tf-learner.js';
import { advise } from './evaluation-advice.js';
import { learningCurve } from './evaluation-curve.js';
import { type Answered, disagreements, pictured, suspects } from './evaluation-mistakes.js';
import { type Answers, groupIntervals, reliabilityBins } from './evaluation-statistics.js';
import type { EvaluatedClass, Evaluation } from './evaluation-types.js';

const MISTAKES = 10;
/** All refits of the learning curve together should take about this long. */
const CURVE_MS = 30_000;
const MIN_REPEATS = 3;
const MAX_REPEATS = 5;
/** Sum of the shares that are refitted in one repeat. */
const WHOLE_FITS_PER_REPEAT = 1.4;

export type EvaluationPhase = 'embed' | 'fit' | 'curve';

export interface EvaluationInput {
  store: SampleStore;
  /** The serving head. */
  stored: StoredHead;
  embedder: Embedder;
  /** The settings of a training, so that its cached features are found again. */
  augmentation: Parameters<Embedder['embedView']>[2];
  seed: number;
  recipe: string;
  training: { minLabels: number; minLabelsPerClass: number };
  minHoldoutSamples: number;
  /** The setting `inference.maxErrorShare`. */
  maxErrorShare: number;
  /** Makes a small JPEG of an image, Base64. */
  thumbnail: (picture: Uint8Array) => Promise<string>;
  onProgress: (phase: EvaluationPhase, done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Evaluates the serving head; changes nothing but the cache of features.
 *
 * @throws HeadlandError HL_EVALUATE_OTHER_FEATURES, HL_TRAINING_TOO_FEW_…, HL_STORE_…
 */
export async function evaluateHead(input: EvaluationInput): Promise<Evaluation> {
  const startedAt = performance.now();
  const { store, stored, embedder } = input;
  const key = embedder.checksum;
  if (stored.head.backboneChecksum !== key) throw otherFeatures(stored);
  const collected = await collectEmbedded(input);
  const { training, holdout, labels } = collected;
  const set = assemble(store, training, labels, {
    key,
    recipe: input.recipe,
    views: input.augmentation.views,
    featureSize: embedder.backbone.featureSize,
  });
  const holdoutFeatures = concatenate(presentOriginals(store, holdout, key));

  input.onProgress('fit', 0, 1);
  const refit = (subset: TrainingSet) => refitLike(stored, subset);
  const fitStartedAt = performance.now();
  const whole = await refit(set);
  const fitMs = performance.now() - fitStartedAt;
  input.onProgress('fit', 1, 1);

  const onHoldout: Answered = {
    samples: holdout,
    probabilities:
      holdout.length > 0 ? headProbabilities(stored.head, holdoutFeatures) : new Float64Array(0),
    labels: stored.head.labels,
  };
  const leftOut: Answered = {
    samples: training,
    probabilities: whole.leaveGroupOutProbabilities,
    labels,
  };
  const enough =
    holdout.length >= input.minHoldoutSamples && new Set(holdout.map((s) => s.label)).size >= 2;
  const chosen = enough ? onHoldout : leftOut;
  const answers = widened(chosen);
  const metrics = metricsOf(chosen) ?? fail();
  const repeats = Math.floor(CURVE_MS / (WHOLE_FITS_PER_REPEAT * Math.max(1, fitMs)));
  const curve = await learningCurve({
    set,
    labels,
    refit,
    whole,
    holdout: enough ? { features: holdoutFeatures, truth: holdout.map((s) => s.label) } : null,
    repeats: Math.min(MAX_REPEATS, Math.max(MIN_REPEATS, repeats)),
    onStep: (done, total) => input.onProgress('curve', done, total),
    ...(input.signal ? { signal: input.signal } : {}),
  });
  const pooled = metricsOf(together(onHoldout, leftOut)) ?? fail();
  const findings = {
    head: describeHead(stored),
    data: describeData(collected, pooled),
    evidence: enough ? ('holdout' as const) : ('leave-group-out' as const),
    metrics,
    interval: groupIntervals(answers),
    holdout: metricsOf(onHoldout),
    leaveGroupOut: metricsOf(leftOut) ?? fail(),
    pooled,
    reliability: reliabilityBins(answers),
    decisions: decisions(answers, stored.head, input.maxErrorShare),
    learningCurve: curve,
    mistakes: await pictured(disagreements(chosen).slice(0, MISTAKES), input),
    suspects: await suspects(onHoldout, leftOut, set, input),
  };
  return {
    schema: 1,
    createdAt: new Date().toISOString(),
    ...findings,
    advice: advise(findings),
    durationMs: performance.now() - startedAt,
  };
}

/** Embeds missing features; leaves out samples that cannot be embedded. */
async function collectEmbedded(input: EvaluationInput): Promise<Collected> {
  const { store, embedder, recipe, seed, augmentation } = input;
  const samples = readLabelled(store);
  const wanted = collect(samples, input.training);
  const all = [...wanted.training, ...wanted.holdout];
  await embedMissing({
    store,
    embedder,
    samples: all,
    augmentation,
    seed,
    recipe,
    onProgress: (done, total) => input.onProgress('embed', done, total),
  });
  const vectors = originals(store, all, embedder.checksum);
  const without = new Set(all.filter((_, i) => !vectors[i]).map((sample) => sample.id));
  return collect(
    samples.filter((sample) => !without.has(sample.id)),
    input.training,
  );
}

/** Fits the head's learner and transform again; λ is chosen anew for each set. */
async function refitLike({ card, head }: StoredHead, set: TrainingSet): Promise<FittedRecipe> {
  const { learner, transform } = card;
  const linear =
    learner === 'tf-layers'
      ? calibrated(set, learner, await fitTfLayers(set, { transform }))
      : fitRecipe(set, learner, transform);
  return head.gaussianScale === undefined
    ? linear
    : withGaussians(set, linear, fitClassGaussians(set));
}

function describeHead({ card }: StoredHead): Evaluation['head'] {
  const { version, learner, transform, lambda, temperature, createdAt, labels, backbone } = card;
  return {
    version,
    learner,
    transform,
    lambda,
    temperature,
    backbone: backbone.name,
    trainedAt: createdAt,
    labels: [...labels],
  };
}

function describeData(
  { training, holdout, classes }: Collected,
  pooled: ReturnType<typeof fail>,
): Evaluation['data'] {
  const groups = (samples: readonly LabelledSample[], label?: string) =>
    new Set(samples.filter((s) => !label || s.label === label).map((s) => s.group)).size;
  return {
    training: training.length,
    holdout: holdout.length,
    trainingGroups: groups(training),
    holdoutGroups: groups(holdout),
    classes: classes.map(
      (c): EvaluatedClass => ({
        ...c,
        trainingGroups: groups(training, c.label),
        holdoutGroups: groups(holdout, c.label),
        pooledF1: pooled.perClass[pooled.labels.indexOf(c.label)]?.f1 ?? 0,
      }),
    ),
  };
}

function metricsOf({ probabilities, labels, samples }: Answered) {
  return labelledMetrics(
    probabilities,
    labels,
    samples.map((s) => s.label),
  );
}

/** Over every class of the head and of the samples. */
function widened({ samples, probabilities, labels }: Answered): Answers {
  const all = [...new Set([...labels, ...samples.map((s) => s.label)])].sort();
  const column = new Map(all.map((label, i) => [label, i]));
  const wide = new Float64Array(samples.length * all.length);
  for (let row = 0; row < samples.length; row++) {
    labels.forEach((label, c) => {
      wide[row * all.length + column.get(label)!] = probabilities[row * labels.length + c]!;
    });
  }
  return {
    probabilities: wide,
    truth: Int32Array.from(samples, (s) => column.get(s.label)!),
    groups: samples.map((s) => s.group),
    classCount: all.length,
  };
}

function together(a: Answered, b: Answered): Answered {
  const labels = [...new Set([...a.labels, ...b.labels])].sort();
  const rows = ({ samples, probabilities, labels: own }: Answered) =>
    samples.flatMap((_, row) =>
      labels.map((label) => {
        const c = own.indexOf(label);
        return c === -1 ? 0 : probabilities[row * own.length + c]!;
      }),
    );
  return {
    samples: [...a.samples, ...b.samples],
    probabilities: Float64Array.from([...rows(a), ...rows(b)]),
    labels,
  };
}

function decisions(
  answers: Answers,
  { leftOutConfidences = new Float32Array(0) }: Head,
  maxErrorShare: number,
): Evaluation['decisions'] {
  const { probabilities, truth, classCount } = answers;
  const least = answerProbability(leftOutConfidences, maxErrorShare);
  let decided = 0;
  let right = 0;
  truth.forEach((label, i) => {
    const best = indexOfLargest(probabilities, i * classCount, classCount);
    if (probabilities[i * classCount + best]! < least) return;
    decided++;
    if (best === label) right++;
  });
  return {
    maxErrorShare,
    answerProbability: least <= 1 ? least : null,
    decidedShare: decided / truth.length,
    decided,
    decidedRight: right,
    accuracyOfDecided: decided === 0 ? null : right / decided,
  };
}

function concatenate(vectors: readonly Float32Array[]): Float32Array {
  const length = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * length);
  vectors.forEach((vector, i) => void all.set(vector, i * length));
  return all;
}

/** `collect` never returns an empty set. */
function fail(): NonNullable<ReturnType<typeof metricsOf>> {
  throw new RangeError('no sample to evaluate on');
}

function otherFeatures({ card }: StoredHead): HeadlandError {
  return new HeadlandError(
    'HL_EVALUATE_OTHER_FEATURES',
    `head ${card.version} was trained on features of ${card.backbone.name} (${card.backbone.fit}), but another backbone or another inference.fit is configured`,
    {
      remedy: `Train again (\`headland train\`), or set models.backbone to ${card.backbone.name} and inference.fit to ${card.backbone.fit}.`,
    },
  );
}
