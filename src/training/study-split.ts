import { HeadlandError } from '../errors.js';
import { stratifiedGroupFolds } from '../head/folds.js';
import type { StudyImage } from './study-cnn.js';

/** One part of four is held out. */
const FOLDS = 4;

export interface StudyPhoto {
  label: string;
  group: string;
  /** Side `sizePixels`. */
  image: StudyImage;
}

export interface Split {
  labels: string[];
  /** Of every photo. */
  names: string[];
  classes: Int32Array;
  groups: Int32Array;
  /** Indices of photos. */
  training: number[];
  heldOut: number[];
}

/**
 * Holds one part of four out, whole groups apart, classes spread evenly.
 *
 * @throws HeadlandError HL_STUDY_TOO_FEW_CLASSES | HL_STUDY_TOO_FEW_GROUPS
 */
export function divide(photos: readonly StudyPhoto[], seed: number): Split {
  const names = photos.map((photo) => photo.label);
  const labels = [...new Set(names)].sort();
  if (labels.length < 2) {
    throw new HeadlandError('HL_STUDY_TOO_FEW_CLASSES', `${labels.length} classes of photos`, {
      remedy: 'Give a folder with one folder of photos for each of at least two classes.',
    });
  }
  const groupNames = [...new Set(photos.map((photo) => photo.group))];
  if (groupNames.length < 2 * FOLDS) {
    throw new HeadlandError(
      'HL_STUDY_TOO_FEW_GROUPS',
      `the photos make ${groupNames.length} groups, a study needs ${2 * FOLDS}`,
      {
        remedy: 'Add photos of other places or times, or say with --group-pattern what a group is.',
      },
    );
  }
  const groupOf = new Map(groupNames.map((name, i) => [name, i]));
  const classes = Int32Array.from(names, (name) => labels.indexOf(name));
  const groups = Int32Array.from(photos, (photo) => groupOf.get(photo.group)!);
  const folds = stratifiedGroupFolds(classes, groups, labels.length, { folds: FOLDS, seed });
  const all = photos.map((_, i) => i);
  const training = all.filter((i) => folds[i] !== 0);
  const known = new Set(training.map((i) => classes[i]));
  const missing = labels.find((_, c) => !known.has(c));
  if (missing !== undefined) {
    throw new HeadlandError('HL_STUDY_TOO_FEW_GROUPS', `all photos of "${missing}" are one group`, {
      remedy: 'Add photos of it from other places or times, or leave its folder out.',
    });
  }
  return { labels, names, classes, groups, training, heldOut: all.filter((i) => folds[i] === 0) };
}
