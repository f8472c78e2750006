import { HeadlandError } from '../../base/errors.js';
import { stratifiedGroupFolds } from '../../head/folds.js';
import type { StudyImage } from './study-cnn.js';

/** Default number of folds; fewer where the groups do not suffice. */
const USUAL_FOLDS = 5;
const GROUPS_PER_FOLD = 2;
/** The greedy algorithm may put all groups of a class into one fold; another order avoids that. */
const ATTEMPTS = 20;

export interface StudyPhoto {
  label: string;
  group: string;
  /** Side `sizePixels`. */
  image: StudyImage;
}

/** All photos, each in one fold. */
export interface StudyFolds {
  labels: string[];
  /** Class name of every photo. */
  names: string[];
  /** Index into `labels` of every photo. */
  classes: Int32Array;
  groups: Int32Array;
  count: number;
  /** Fold of every photo, 0..count-1. */
  foldOf: Int32Array;
}

/** Indices of photos. */
export interface Split {
  training: number[];
  heldOut: number[];
}

/**
 * Stratified k-fold by groups: every group is in one fold as a whole, classes are spread as evenly
 * as that allows, and every class is in at least two folds, so that it is never held out
 * completely.
 *
 * @param asked null: five, or fewer with fewer than ten groups
 * @throws HeadlandError HL_STUDY_TOO_FEW_CLASSES | HL_STUDY_TOO_FEW_GROUPS
 */
export function studyFolds(
  photos: readonly Pick<StudyPhoto, 'label' | 'group'>[],
  asked: number | null,
  seed: number,
): StudyFolds {
  const names = photos.map((photo) => photo.label);
  const labels = [...new Set(names)].sort();
  if (labels.length < 2) {
    throw new HeadlandError(
      'HL_STUDY_TOO_FEW_CLASSES',
      `the folder holds photos of ${labels.length} class, a study needs two`,
      {
        remedy: 'Put photos of at least two classes into the folder, one folder a class.',
      },
    );
  }
  const groupNames = [...new Set(photos.map((photo) => photo.group))];
  const possible = Math.floor(groupNames.length / GROUPS_PER_FOLD);
  const count = asked ?? Math.max(2, Math.min(USUAL_FOLDS, possible));
  if (count > possible) {
    throw tooFewGroups(
      `the photos are of ${groupNames.length} groups; ${count} folds need ${count * GROUPS_PER_FOLD}`,
    );
  }
  const single = labels.find(
    (label) => new Set(photos.filter((p) => p.label === label).map((p) => p.group)).size < 2,
  );
  if (single !== undefined) throw tooFewGroups(`all photos of "${single}" are one group`);
  const groupOf = new Map(groupNames.map((name, i) => [name, i]));
  const classOf = new Map(labels.map((label, i) => [label, i]));
  const classes = Int32Array.from(names, (name) => classOf.get(name)!);
  const groups = Int32Array.from(photos, (photo) => groupOf.get(photo.group)!);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const options = { folds: count, seed: seed + attempt };
    const foldOf = stratifiedGroupFolds(classes, groups, labels.length, options);
    const spread = labels.map(() => new Set<number>());
    foldOf.forEach((fold, i) => void spread[classes[i]!]!.add(fold));
    if (spread.every((folds) => folds.size >= 2)) {
      return { labels, names, classes, groups, count, foldOf };
    }
  }
  throw tooFewGroups('no division into folds leaves photos of every class to learn from');
}

/** @param fold The held-out fold, 0..count-1 */
export function splitOf({ foldOf }: StudyFolds, fold: number): Split {
  const all = [...foldOf.keys()];
  return {
    training: all.filter((i) => foldOf[i] !== fold),
    heldOut: all.filter((i) => foldOf[i] === fold),
  };
}

function tooFewGroups(message: string): HeadlandError {
  return new HeadlandError('HL_STUDY_TOO_FEW_GROUPS', message, {
    remedy:
      'Add photos of other places or times, give a --group-pattern that makes more groups, or ask for fewer --folds.',
  });
}
