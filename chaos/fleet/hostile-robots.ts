import type { Evaluation } from '../../src/fleet/contract/evaluation-codec.js';
import { RIDGE_LAMBDAS } from '../../src/head/learners/ridge.js';
import { SCALES } from '../../src/head/sums/candidates.js';
import type { ClassSums } from '../../src/head/sums/class-sums.js';
import type { TaskSums } from '../../src/head/sums/task-sums.js';
import { placeData } from '../../test/fleet/places.js';
import type { StandInOptions } from '../../test/fleet/stand-in.js';
import { SIZE } from './fleet-member.js';

/**
 * What must become of it. `refused`: the hub takes nothing of it, and says why. `quarantined`: the hub finds it by
 * the leave-one-robot-out score. `held`: nobody can tell from sums alone; the gates of the robots keep its
 * heads out until an operator quarantines it.
 */
type Fate = 'refused' | 'quarantined' | 'held';

export interface HostileKind {
  name: string;
  fate: Fate;
  /** @param labels that the fleet knows */
  options(labels: readonly string[]): Partial<StandInOptions>;
}

/** Above what a robot can have: docs of `sumsFault`. */
const OVER_CAP = 1e7 + 1;
const AT_CAP = 1e7;
/** Samples that exact sums just hold. */
const LEAST = 2 ** -55;
/** Labels that nobody else knows; the hub takes 256 of a robot. */
const NEW_LABELS = 200;
const TOO_MANY_LABELS = 3_000;

const first = (change: (sums: ClassSums) => void) => (task: TaskSums) => {
  change(task.classes[0]!.sums);
  return task;
};

/** Each class as if it had so many samples. */
const scaled = (samples: number) => (task: TaskSums) => {
  for (const { sums } of task.classes) {
    const factor = samples / sums.samples;
    for (const values of [sums.sum, sums.gram]) {
      for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
    }
    sums.samples = samples;
  }
  return task;
};

/** What privacy could ask for, and far more than there are samples. */
const noisy = (task: TaskSums): TaskSums => {
  const sigma = 1e5;
  for (const { sums } of task.classes) {
    for (const values of [sums.sum, sums.gram]) {
      for (const [i, value] of values.entries()) values[i] = value + (i % 2 === 0 ? 1 : -1) * sigma;
    }
  }
  return { ...task, sigma };
};

/** The plants of its place under each other's names. */
const permuted = (labels: readonly string[]): Pick<StandInOptions, 'data'> => {
  const { features, labels: own } = placeData('liar', labels, 30, SIZE);
  const next = (label: string): string => labels[(labels.indexOf(label) + 1) % labels.length]!;
  return { data: { features, labels: own.map(next) } };
};

/** The plants of its place, each third under a name that nobody knows. */
const renamed = (labels: readonly string[], count: number): Pick<StandInOptions, 'data'> => {
  const { features, labels: own } = placeData(
    'namer',
    labels,
    Math.ceil(count / labels.length),
    SIZE,
  );
  return { data: { features, labels: own.map((_, i) => `new-${String(i).padStart(4, '0')}`) } };
};

type Answers = Evaluation['training'];

const forged =
  (change: (answers: Answers) => Answers) =>
  (evaluation: Evaluation): Evaluation => ({
    ...evaluation,
    training: change(evaluation.training),
  });

/** All right, and sure of it. */
const perfect = (answers: Answers): Answers => ({
  ...answers,
  classes: answers.classes.map((own) => ({
    ...own,
    right: own.right.map(() => own.samples),
    loss: own.loss.map(() => 0),
  })),
});

/** More right answers than samples. */
const impossible = (answers: Answers): Answers => ({
  ...answers,
  classes: answers.classes.map((own) => ({ ...own, right: own.right.map(() => 2 * own.samples) })),
});

/** Billions of samples, which want the strongest regularisation and the flattest probabilities. */
const swaying = (answers: Answers): Answers => {
  const samples = 3e10;
  const wanted = (RIDGE_LAMBDAS.length - 1) * SCALES.length;
  return {
    ...answers,
    classes: answers.classes.map(({ label, right, loss }) => ({
      label,
      samples,
      right: right.map((_, l) => (l === RIDGE_LAMBDAS.length - 1 ? samples : 0)),
      loss: loss.map((_, at) => (at === wanted ? 0 : 30 * samples)),
    })),
  };
};

/** In the order in which rounds take them. */
export const HOSTILE_KINDS: readonly HostileKind[] = [
  { name: 'mislabelled', fate: 'quarantined', options: permuted },
  {
    name: 'not-a-number',
    fate: 'refused',
    options: () => ({
      distort: first(({ sum }) => {
        sum[0] = Number.NaN;
      }),
    }),
  },
  {
    name: 'forged-answers',
    fate: 'held',
    options: () => ({ distortAnswers: forged(impossible) }),
  },
  {
    name: 'infinite',
    fate: 'refused',
    options: () => ({
      distort: first(({ gram }) => {
        gram[0] = Number.POSITIVE_INFINITY;
      }),
    }),
  },
  {
    name: 'swaying-answers',
    fate: 'held',
    options: () => ({ distortAnswers: forged(swaying) }),
  },
  {
    name: 'huge',
    fate: 'refused',
    options: () => ({
      distort: first(({ gram }) => {
        gram[0] = 1e30;
      }),
    }),
  },
  {
    // It outweighs the others: without any of them, heads are as bad.
    name: 'mislabelled-at-cap',
    fate: 'held',
    options: (labels) => ({ ...permuted(labels), distort: scaled(AT_CAP) }),
  },
  {
    name: 'too-many-labels',
    fate: 'refused',
    options: (labels) => renamed(labels, TOO_MANY_LABELS),
  },
  {
    name: 'new-labels',
    fate: 'held',
    options: (labels) => renamed(labels, NEW_LABELS),
  },
  { name: 'at-cap', fate: 'held', options: () => ({ distort: scaled(AT_CAP) }) },
  {
    name: 'new-labels-of-no-weight',
    fate: 'refused',
    options: (labels) => ({ ...renamed(labels, 10), distort: scaled(LEAST) }),
  },
  {
    name: 'noise',
    fate: 'held',
    options: () => ({ distort: noisy }),
  },
  {
    name: 'huge-as-noise',
    fate: 'refused',
    options: () => ({
      distort: (task) => {
        task.classes[0]!.sums.gram[0] = 1e30;
        return { ...task, sigma: 1e30 };
      },
    }),
  },
  {
    name: 'over-cap',
    fate: 'refused',
    options: () => ({ distort: scaled(OVER_CAP) }),
  },
  {
    name: 'mislabelled-with-forged-answers',
    fate: 'held',
    options: (labels) => ({ ...permuted(labels), distortAnswers: forged(perfect) }),
  },
];
