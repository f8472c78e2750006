import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TfjsEngine } from '../backbone/tfjs-engine.js';
import { headProbabilities } from '../head/score.js';
import type { TrainingSet } from '../head/train.js';
import { OnnxFitEngine } from './fit-engine.js';
import { labelledMetrics } from './labelled-metrics.js';
import { searchRecipes } from './search.js';
import { BATCH, type CnnOptions, SmallCnn, type StudyImage } from './study-cnn.js';
import { divide, type Split, type StudyPhoto } from './study-split.js';
import {
  APPROACHES,
  type Approach,
  type Study,
  type StudyEstimate,
  type StudyRow,
} from './study-types.js';

const L2 = 1e-3;
/** Fitting a head to cached features, seconds per training row; measured on a slow core. */
const FIT_SECONDS_PER_ROW = 0.006;
/** Of the budget that is planned for: a machine that does other things too is slower than measured. */
const PLANNED_SHARE = 0.85;

export interface StudyInput {
  folder: string;
  photos: readonly StudyPhoto[];
  engine: TfjsEngine;
  backbone: {
    name: string;
    featureSize: number;
    /** Features of photo i: view 0 is the original, others are augmented. */
    embed: (index: number, view: number) => Promise<Float32Array>;
  };
  /** A new augmentation of a picture; the same (index, round) gives the same. */
  augment: (image: StudyImage, index: number, round: number) => StudyImage;
  epochs: number;
  sizePixels: number;
  views: number;
  seed: number;
  /** Everything together; fewer epochs are run where they would not fit. */
  budgetSeconds: number;
  /** Told once, before anything long begins. */
  onEstimate: (estimate: StudyEstimate) => void;
  onProgress: (approach: Approach, done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * The article's experiment: a small CNN from scratch, the same with augmentation, the same with
 * augmentation and L2, and the frozen backbone with headland's head; all learn from the same
 * photos and are measured on the same others, whole groups apart. How long it takes is measured
 * on one batch first. An abort ends it with what there is.
 *
 * @throws HeadlandError HL_STUDY_TOO_FEW_CLASSES | HL_STUDY_TOO_FEW_GROUPS
 */
export async function runStudy(input: StudyInput): Promise<Study> {
  const startedAt = performance.now();
  const split = divide(input.photos, input.seed);
  const estimate = await measure(input, split);
  input.onEstimate(estimate);
  const deadline = startedAt + input.budgetSeconds * 1_000;
  const rows: StudyRow[] = [];
  for (const approach of APPROACHES) {
    if (input.signal?.aborted) rows.push(notRun(approach));
    else if (approach === 'backbone') rows.push(await runBackbone(input, split));
    else {
      const left = deadline - performance.now();
      const until = performance.now() + left * shareOf(approach, estimate);
      rows.push(await runCnn(approach, input, split, estimate.epochs, until));
    }
  }
  const { sizePixels, views, seed } = input;
  const heldOut = split.heldOut.map((i) => split.names[i] as string);
  return {
    schema: 1,
    createdAt: new Date().toISOString(),
    folder: input.folder,
    photos: {
      training: split.training.length,
      heldOut: split.heldOut.length,
      trainingGroups: new Set(split.training.map((i) => input.photos[i]!.group)).size,
      heldOutGroups: new Set(split.heldOut.map((i) => input.photos[i]!.group)).size,
    },
    classes: split.labels.map((label, c) => ({
      label,
      training: split.training.filter((i) => split.classes[i] === c).length,
      heldOut: heldOut.filter((name) => name === label).length,
    })),
    majorityAccuracy:
      Math.max(...split.labels.map((label) => heldOut.filter((name) => name === label).length)) /
      heldOut.length,
    settings: { epochs: estimate.epochs, sizePixels, batch: BATCH, views, seed },
    engine: {
      backend: input.engine.backend,
      reason: input.engine.reason,
      backbone: input.backbone.name,
    },
    estimate,
    interrupted: input.signal?.aborted ?? false,
    rows,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Of the time that is left: what one way takes of what it and those after it should take. */
function shareOf(approach: Approach, { perApproach }: StudyEstimate): number {
  const rest = APPROACHES.slice(APPROACHES.indexOf(approach));
  return perApproach[approach] / rest.reduce((sum, a) => sum + perApproach[a], 0);
}

/** A batch of a network (the first one warms up), augmentations and forward passes. */
async function measure(input: StudyInput, split: Split): Promise<StudyEstimate> {
  const { training, heldOut, classes } = split;
  const images = training.slice(0, BATCH).map((i) => input.photos[i]!.image);
  const labels = training.slice(0, BATCH).map((i) => classes[i]!);
  const cnn = new SmallCnn(input.engine.tf, cnnOptions('cnn', input, split));
  await cnn.step(images, labels);
  await cnn.probabilities(images);
  const step = await usual(() => cnn.step(images, labels));
  const predict = (await usual(() => cnn.probabilities(images))) / images.length;
  cnn.close();
  const augment =
    (await usual(async () => {
      images.forEach((image, i) => void input.augment(image, i, 0));
    })) / images.length;
  await input.backbone.embed(training[0]!, 0);
  const forward = await usual(() => input.backbone.embed(training[0]!, 0));
  const forwards = training.length * (1 + input.views) + heldOut.length;
  const backbone = forwards * forward + training.length * (1 + input.views) * FIT_SECONDS_PER_ROW;
  const plain = (training.length / BATCH) * step + heldOut.length * predict;
  const augmented = plain + training.length * augment;
  const perEpoch = plain + 2 * augmented;
  const rest = input.budgetSeconds - backbone;
  const epochs = Math.max(1, Math.min(input.epochs, Math.floor((rest * PLANNED_SHARE) / perEpoch)));
  return {
    epochs,
    seconds: backbone + epochs * perEpoch,
    perApproach: {
      backbone,
      cnn: epochs * plain,
      'cnn-augmented': epochs * augmented,
      'cnn-augmented-l2': epochs * augmented,
    },
  };
}

async function runCnn(
  approach: Exclude<Approach, 'backbone'>,
  input: StudyInput,
  split: Split,
  epochs: number,
  deadline: number,
): Promise<StudyRow> {
  const { photos, signal } = input;
  const labels = split.training.map((i) => split.classes[i]!);
  const image = (n: number) => photos[split.training[n]!]!.image;
  const cnn = new SmallCnn(input.engine.tf, cnnOptions(approach, input, split));
  const isOver = () => signal?.aborted === true || performance.now() > deadline;
  const points: { seconds: number; score: number }[] = [];
  let seconds = 0;
  let scores: ReturnType<typeof labelledMetrics> = null;
  try {
    input.onProgress(approach, 0, epochs);
    for (let epoch = 1; epoch <= epochs && !isOver(); epoch++) {
      seconds += await timed(() =>
        cnn.epoch(
          epoch,
          labels,
          approach === 'cnn' ? image : (n) => input.augment(image(n), split.training[n]!, epoch),
          isOver,
        ),
      );
      // An epoch that was cut off has no point of its own, unless it is all there is.
      if (isOver() && points.length > 0) break;
      const answers = await cnn.probabilities(split.heldOut.map((i) => photos[i]!.image));
      scores = score(answers, split, split.heldOut);
      points.push({ seconds, score: scores?.macroF1 ?? 0 });
      input.onProgress(approach, epoch, epochs);
    }
    if (points.length === 0) return notRun(approach);
    const onTraining = await cnn.probabilities(split.training.map((i) => photos[i]!.image));
    return {
      approach,
      state: points.length === epochs && !signal?.aborted ? 'done' : 'cut',
      epochs: points.length,
      seconds,
      accuracy: scores?.accuracy ?? null,
      macroF1: scores?.macroF1 ?? null,
      trainingAccuracy: score(onTraining, split, split.training)?.accuracy ?? null,
      points,
    };
  } finally {
    cnn.close();
  }
}

async function runBackbone(input: StudyInput, split: Split): Promise<StudyRow> {
  const { backbone, views } = input;
  const d = backbone.featureSize;
  const { training, heldOut } = split;
  const startedAt = performance.now();
  const total = training.length * (1 + views) + heldOut.length;
  const vectors: Float32Array[] = [];
  const jobs = [
    ...training.map((index) => ({ index, view: 0 })),
    ...training.flatMap((index) =>
      Array.from({ length: views }, (_, v) => ({ index, view: v + 1 })),
    ),
    ...heldOut.map((index) => ({ index, view: 0 })),
  ];
  for (const { index, view } of jobs) {
    if (input.signal?.aborted) return notRun('backbone');
    vectors.push(await backbone.embed(index, view));
    input.onProgress('backbone', vectors.length, total + 1);
    await nextTurn();
  }
  const rows = jobs.slice(0, total - heldOut.length);
  const features = new Float32Array(total * d);
  vectors.forEach((vector, i) => void features.set(vector, i * d));
  const set: TrainingSet = {
    features: features.subarray(0, rows.length * d),
    rows: rows.length,
    featureSize: d,
    labels: Int32Array.from(rows, ({ index }) => split.classes[index]!),
    groups: Int32Array.from(rows, ({ index }) => split.groups[index]!),
    isView: Uint8Array.from(rows, ({ view }) => (view === 0 ? 0 : 1)),
    classCount: split.labels.length,
  };
  const engine = await OnnxFitEngine.create(1);
  const fitted = await searchRecipes(set, {
    learners: ['ridge'],
    budgetMs: Number.POSITIVE_INFINITY,
    engine,
    onCandidate: () => input.signal?.throwIfAborted(),
  })
    .catch((error: unknown) => {
      if (input.signal?.aborted) return null;
      throw error;
    })
    .finally(() => engine.close());
  if (!fitted) return notRun('backbone');
  const { chosen } = fitted;
  const head = {
    ...chosen.fit,
    ...{ learner: chosen.learner, labels: split.labels, featureSize: d },
    ...{ backboneChecksum: '', temperature: chosen.temperature },
  };
  const scores = score(headProbabilities(head, features.subarray(rows.length * d)), split, heldOut);
  const seconds = (performance.now() - startedAt) / 1_000;
  const learnt = headProbabilities(head, features.subarray(0, training.length * d));
  input.onProgress('backbone', total + 1, total + 1);
  return {
    approach: 'backbone',
    state: 'done',
    epochs: 1,
    seconds,
    accuracy: scores?.accuracy ?? null,
    macroF1: scores?.macroF1 ?? null,
    trainingAccuracy: score(learnt, split, training)?.accuracy ?? null,
    points: [{ seconds, score: scores?.macroF1 ?? 0 }],
  };
}

function score(probabilities: Float64Array, { labels, names }: Split, photos: readonly number[]) {
  return labelledMetrics(
    probabilities,
    labels,
    photos.map((i) => names[i] as string),
  );
}

function cnnOptions(approach: Approach, input: StudyInput, { labels }: Split): CnnOptions {
  const { sizePixels, seed } = input;
  const l2 = approach === 'cnn-augmented-l2' ? L2 : 0;
  return { sizePixels, seed, classCount: labels.length, l2 };
}

function notRun(approach: Approach): StudyRow {
  const nothing = { accuracy: null, macroF1: null, trainingAccuracy: null, points: [] };
  return { approach, state: 'not run', epochs: 0, seconds: 0, ...nothing };
}

/** Median of five: one alone may meet a busy moment of the machine. */
async function usual(work: () => Promise<unknown>): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < 5; i++) seconds.push(await timed(work));
  return seconds.sort((a, b) => a - b)[2]!;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}
