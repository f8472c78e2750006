import { type HeadAnswer, headAnswers } from '../../src/gate/scorecard.js';
import { fitTemperature } from '../../src/head/calibrate.js';
import type { Head } from '../../src/head/head.js';
import { fitRidge } from '../../src/head/learners/ridge.js';
import { headProbabilities, indexOfLargest, softmaxRows } from '../../src/head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../src/head/training-set.js';
import type { SimulatedFrame } from './streams.js';

export const FEATURES = 32;
const LAMBDAS = [1e-3, 1e-2, 1e-1, 1, 10];

export interface Serving {
  head: Head;
  groups: Set<string>;
  /** Of the frames it has learnt, by sample id: by leave-group-out. */
  recipe: Map<string, HeadAnswer>;
}

export interface Trained extends Serving {
  /** Leave-group-out probabilities, in the order of the frames that were learnt. */
  leftOut: Float64Array;
  /** Rows whose class left-out heads know. */
  judged: Set<number>;
  known: Set<number>;
}

/** Classes of the frames with at least three samples, of which there must be two in two groups. */
export function trainable(frames: readonly SimulatedFrame[]): boolean {
  return classesOf(frames).length >= 2 && new Set(frames.map(({ group }) => group)).size >= 2;
}

export function classesOf(frames: readonly SimulatedFrame[]): number[] {
  const counts = new Map<number, number>();
  for (const { label } of frames) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count >= 3)
    .map(([label]) => label)
    .sort();
}

export function train(frames: readonly SimulatedFrame[]): Trained {
  const names = classesOf(frames);
  const known = new Set(names);
  const rows = frames.filter(({ label }) => known.has(label));
  const groupOf = new Map([...new Set(rows.map((f) => f.group))].map((g, i) => [g, i]));
  const features = new Float32Array(rows.length * FEATURES);
  rows.forEach((frame, i) => {
    features.set(frame.features, i * FEATURES);
  });
  const set: TrainingSet = {
    features,
    rows: rows.length,
    featureSize: FEATURES,
    classCount: names.length,
    labels: Int32Array.from(rows, ({ label }) => names.indexOf(label)),
    groups: Int32Array.from(rows, ({ group }) => groupOf.get(group)!),
    isView: new Uint8Array(rows.length),
  };
  const fit = fitRidge(set, { transform: 'none', lambdas: LAMBDAS });
  const temperature = fitTemperature(fit.leaveGroupOutLogits, set.labels, names.length);
  const leftOut = fit.leaveGroupOutLogits.slice();
  softmaxRows(leftOut, names.length, 1 / temperature);
  return {
    head: {
      learner: 'ridge',
      labels: names.map(String),
      featureSize: FEATURES,
      backboneChecksum: 'simulated',
      transform: fit.transform,
      temperature,
      weights: fit.weights,
      bias: fit.bias,
    },
    groups: new Set(groupOf.keys()),
    recipe: new Map(
      headAnswers(
        leftOut,
        names.map(String),
        rows.map(({ label }) => String(label)),
      ).map((answer, i) => [rows[i]!.id, answer]),
    ),
    leftOut,
    known,
    judged: new Set(judgedRows(set, groupingOf(set)).judged),
  };
}

/** The answer to each row: as a class of the world, or as an index of the head. */
export function classes(head: Head, features: Float32Array, ofWorld = true): Int32Array {
  const probabilities = headProbabilities(head, features);
  const count = head.labels.length;
  return Int32Array.from({ length: probabilities.length / count }, (_, row) => {
    const best = indexOfLargest(probabilities, row * count, count);
    return ofWorld ? Number(head.labels[best]) : best;
  });
}

export function answersTo(head: Head, frames: readonly SimulatedFrame[], truth: readonly string[]) {
  if (frames.length === 0) return [];
  const features = new Float32Array(frames.length * FEATURES);
  frames.forEach((frame, i) => {
    features.set(frame.features, i * FEATURES);
  });
  return headAnswers(headProbabilities(head, features), head.labels, truth);
}

export function accuracy(head: Head, frames: readonly SimulatedFrame[]): number {
  const truth = frames.map(({ label }) => String(label));
  const right = answersTo(head, frames, truth).filter(({ label }, i) => label === truth[i]);
  return right.length / Math.max(1, frames.length);
}
