import { HeadlandError } from '../../base/errors.js';
import { named } from '../../base/words/message.js';
import type { Head } from '../../head/head.js';
import { leadsCluster, sharesOf, type TrainingSet } from '../../head/training-set.js';
import { next, type Trust, USEFUL_ANSWERS, wanted } from '../../head/trust.js';
import { noveltyScores } from '../../head/unknown/novelty.js';
import { fitNovelty } from '../../head/unknown/novelty-fit.js';
import type { Sample } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import type { LabelledSample } from '../data/collect.js';
import { fitBeginner, NOVELTY_OPTIONS } from './beginner.js';
import { clusteredSet, type LabelledFeatures } from './clustered-set.js';
import { correctHead } from './correction.js';
import type { InstantHead, InstantRequest } from './instant-protocol.js';

/** Most rows of a first head. */
const BEGINNER_ROWS = 400;
/** Most corrections of a trained head; the newest are used. */
const LESSON_ROWS = 200;
/**
 * Rows that remind a head of what it has learnt, the newest of each class; more where a new class
 * could take samples from the old ones.
 */
const REPLAY_ROWS = { knownClasses: 100, newClass: 200 };

interface Taught {
  sample: LabelledSample;
  features: Float32Array;
}

/**
 * Makes the best head for the labels in the store: a correction of the base, or a first head
 * without a base. The same store and base give the same head.
 *
 * Holdout samples are learnt too. The result never enters the registry, is never evaluated, and
 * ends with the next training, which does not use them.
 *
 * @returns Null when there is nothing to learn beyond the base, or too little for a first head.
 */
export function learn(
  store: SampleStore,
  request: InstantRequest,
  minLabelsPerClass: number,
): InstantHead | null {
  const { base, backboneChecksum } = request;
  const source = new Source(store, backboneChecksum);
  const revision = store.labelRevision();
  const made = base
    ? correction(source, base, request.sinceRevision, minLabelsPerClass)
    : beginner(source, minLabelsPerClass);
  return made && { ...made, revision };
}

function beginner(source: Source, minLabelsPerClass: number): Omit<InstantHead, 'revision'> | null {
  const labels = source.labels(minLabelsPerClass);
  const taught = enough(source.balanced(labels, BEGINNER_ROWS), minLabelsPerClass);
  const newClasses = labelsOf(taught);
  if (newClasses.length < 2) return null;
  const fitted = fitBeginner(labelledOf(taught), source.backboneChecksum);
  return { ...fitted, labels: taught.length, newClasses };
}

function correction(
  source: Source,
  base: Head,
  sinceRevision: number,
  minLabelsPerClass: number,
): Omit<InstantHead, 'revision'> | null {
  const known = new Set(base.labels);
  const all = source.since(sinceRevision, LESSON_ROWS);
  const unknown = enough(
    all.filter(({ sample }) => !known.has(sample.label)),
    minLabelsPerClass,
  );
  const newClasses = labelsOf(unknown);
  const taught = [...all.filter(({ sample }) => known.has(sample.label)), ...unknown];
  if (taught.length === 0) return null;
  const taughtIds = new Set(taught.map(({ sample }) => sample.id));
  const old = source
    .balanced([...known], newClasses.length > 0 ? REPLAY_ROWS.newClass : REPLAY_ROWS.knownClasses)
    .filter(({ sample }) => !taughtIds.has(sample.id));
  const rows = [...taught, ...old];
  const set = trainingSetOf(rows, base.featureSize);
  const head = correctHead(base, {
    features: set.features,
    labels: rows.map(({ sample }) => sample.label),
    shares: sharesOf(set),
  });
  return {
    head: { ...head, ...unknownParts(base, taught, set, newClasses) },
    prior: null,
    labels: taught.length,
    newClasses,
    trust: trustOf(unknown),
  };
}

/**
 * There is no evidence for a class that no training has seen; the others keep the trust of the
 * base.
 */
function trustOf(unknown: readonly Taught[]): Trust | null {
  const labels = labelsOf(unknown);
  if (labels.length === 0) return null;
  const different = withoutNearDuplicates(unknown);
  const needs = labels.flatMap((label) => {
    const given = different.filter(({ sample }) => sample.label === label).length;
    return given < USEFUL_ANSWERS ? [{ label, labels: USEFUL_ANSWERS - given }] : [];
  });
  const untrained = labels.map((label) => `"${label}"`).join(', ');
  return {
    level: 'beginner',
    answers: 0,
    groups: 0,
    meanRecall: null,
    lowerBound: null,
    needs,
    ...next(
      needs.length > 0
        ? wanted(needs)
        : {
            key: 'trust.train',
            values: { classes: named(labels) },
            text: `Train: no trained head knows ${untrained} yet.`,
          },
    ),
  };
}

/**
 * What detects unknown things: the model of the base, with the scores of the samples that it has
 * not learnt; refitted where it would take new classes for unknown things.
 */
function unknownParts(
  base: Head,
  taught: readonly Taught[],
  /** All rows that the correction learnt from. */
  learnt: TrainingSet,
  newClasses: readonly string[],
): Pick<Head, 'novelty' | 'setProbability'> {
  const { novelty, setProbability } = base;
  if (!novelty) return {};
  if (newClasses.length === 0) {
    const different = withoutNearDuplicates(taught);
    const strange = noveltyScores(novelty, matrix(different, base.featureSize));
    const scores = Float32Array.from([...novelty.scores, ...strange]).sort();
    return {
      novelty: { ...novelty, scores },
      ...(setProbability === undefined ? {} : { setProbability }),
    };
  }
  return { novelty: fitNovelty(learnt, undefined, NOVELTY_OPTIONS) };
}

function withoutNearDuplicates(taught: readonly Taught[]): Taught[] {
  const [first] = taught;
  if (!first) return [];
  const leads = leadsCluster(trainingSetOf(taught, first.features.length));
  return taught.filter((_, row) => leads[row] === 1);
}

function trainingSetOf(rows: readonly Taught[], featureSize: number): TrainingSet {
  return clusteredSet(labelledOf(rows), labelsOf(rows), featureSize);
}

function labelledOf(rows: readonly Taught[]): LabelledFeatures[] {
  return rows.map(({ sample: { label, group }, features }) => ({ label, group, features }));
}

/** Labelled samples with features of the running backbone. */
class Source {
  constructor(
    private readonly store: SampleStore,
    readonly backboneChecksum: string,
  ) {}

  /** Labels of at least `least` samples. */
  labels(least: number): string[] {
    return [...this.store.labelCounts()].flatMap(([label, n]) => (n >= least ? [label] : []));
  }

  /** The newest of each class, at most `most` in all; by id. */
  balanced(labels: readonly string[], most: number): Taught[] {
    const limit = Math.max(1, Math.floor(most / Math.max(1, labels.length)));
    return this.#withFeatures(
      labels.flatMap((label) => this.store.list({ label, order: 'newest', limit })),
    );
  }

  /**
   * The newest `most` samples that have another label than at a revision; by id. A label that was taken
   * back teaches nothing, nor does a new name of a class.
   */
  since(revision: number, most: number): Taught[] {
    const names = this.store.namesSince(revision);
    const taught = this.store.lastRelabelled(revision, most).flatMap((id) => {
      const sample = this.store.get(id);
      if (!sample) return [];
      const before = this.store.labelBefore(id, revision);
      return sample.label === (before && (names.get(before) ?? before)) ? [] : [sample];
    });
    return this.#withFeatures(taught);
  }

  #withFeatures(samples: readonly Sample[]): Taught[] {
    const labelled = samples
      .filter((sample): sample is LabelledSample => sample.label !== null)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const ids = labelled.map(({ id }) => id);
    const found = this.store.features(ids, this.backboneChecksum, '', 0);
    const taught = labelled.flatMap((sample) => {
      const features = found.get(sample.id)?.[0];
      return features ? [{ sample, features }] : [];
    });
    checkLengths(taught);
    return taught;
  }
}

/** @throws HeadlandError HL_FEATURES_INVALID when vectors of one backbone differ in length */
function checkLengths(taught: readonly Taught[]): void {
  const lengths = new Set(taught.map(({ features }) => features.length));
  if (lengths.size < 2) return;
  throw new HeadlandError(
    'HL_FEATURES_INVALID',
    `stored features of one backbone have different lengths: ${[...lengths].join(', ')}`,
    {
      remedy:
        'Restore headland.db from a backup, or import an export into a new state folder: its cache of features is damaged.',
    },
  );
}

/** The samples without those of classes that have fewer than `least`. */
function enough(taught: readonly Taught[], least: number): Taught[] {
  const counts = new Map<string, number>();
  for (const { sample } of taught) counts.set(sample.label, (counts.get(sample.label) ?? 0) + 1);
  return taught.filter(({ sample }) => counts.get(sample.label)! >= least);
}

function labelsOf(taught: readonly Taught[]): string[] {
  return [...new Set(taught.map(({ sample }) => sample.label))].sort();
}

function matrix(rows: readonly Taught[], featureSize: number): Float32Array {
  const features = new Float32Array(rows.length * featureSize);
  for (const [i, row] of rows.entries()) features.set(row.features, i * featureSize);
  return features;
}
