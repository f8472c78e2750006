import type { Series } from '../report/report-charts.js';
import type { Estimate } from './study-statistics.js';
import type { Variant } from './study-variants.js';

/** One variant with one fold held out. Shares 0..1. */
export interface FoldResult {
  /** 0..folds-1. */
  fold: number;
  /** On the photos of the fold, after the last epoch. */
  accuracy: number;
  macroF1: number;
  /** On its training photos without augmentation; far above `accuracy` means overfitting. */
  trainingAccuracy: number;
  /** Groups of the fold, in the same order for every variant. */
  groups: { photos: number; right: number }[];
}

export interface StudyRow {
  variant: Variant;
  /** Name in tables. */
  name: string;
  /** `cut`: ended before its last epoch by the budget or by hand. */
  state: 'done' | 'cut' | 'not run';
  /** Epochs of each fit; 0 for the frozen backbone. */
  epochs: number;
  /** Training in all folds, seconds: for the backbone its forward passes and its fits. */
  seconds: number;
  /** The folds that count, the same for every variant. */
  folds: FoldResult[];
  /** Over folds; null: not run. */
  accuracy: Estimate | null;
  macroF1: Estimate | null;
  trainingAccuracy: Estimate | null;
  /** Training accuracy minus accuracy. */
  gap: Estimate | null;
  /** After each epoch, mean over folds. */
  points: Series['points'];
}

/** The article's experiment on one folder of photos, by k-fold cross-validation. */
export interface Study {
  schema: 2;
  createdAt: string;
  folder: string;
  photos: { count: number; groups: number };
  classes: { label: string; photos: number; groups: number }[];
  /** Score of always answering the most frequent class. */
  majority: { label: string; accuracy: number };
  folds: {
    /** Number of folds. */
    count: number;
    /** The folds that count: every variant finished them, or there is only one. */
    run: number[];
    /** By fold. */
    parts: { photos: number; groups: number; majorityAccuracy: number }[];
  };
  settings: { epochs: number; sizePixels: number; batch: number; views: number; seed: number };
  engine: { backend: string; reason: string; backbone: string };
  /** Measured before the study. */
  plan: StudyPlan;
  interrupted: boolean;
  rows: StudyRow[];
  /** The result in words. */
  verdict: Verdict;
  seconds: number;
}

export interface Verdict {
  /** One line. */
  headline: string;
  statements: string[];
}

/** What fits into the budget, at most what was requested. */
export interface StudyPlan {
  epochs: number;
  folds: number;
  views: number;
  seconds: number;
  /** All forward passes of the backbone. */
  embedSeconds: number;
  /** One fold, without the forward passes. */
  foldSeconds: number;
  /** All folds, by the variant's id. */
  perVariant: Record<string, number>;
}

/** The table as lines of cells, the header first. */
export function studyTable(rows: readonly StudyRow[]): string[][] {
  const share = (value: Estimate | null) => (value === null ? '-' : points(value));
  return [
    ['', 'accuracy, % [95 %]', 'macro-F1, %', 'on training photos, %', 'epochs', 'seconds'],
    ...rows.map((row) => [
      row.name + (row.state === 'done' ? '' : ` (${row.state})`),
      share(row.accuracy),
      share(row.macroF1),
      share(row.trainingAccuracy),
      row.epochs === 0 ? '-' : String(row.epochs),
      row.state === 'not run' ? '-' : row.seconds.toFixed(1),
    ]),
  ];
}

/** "48.1 [40.2 to 56.1]" with a 95 % interval, else "48.1 ± 4.0"; in hundredths. */
export function points({ mean, standardError, interval }: Estimate): string {
  const figure = (share: number): string => (100 * share).toFixed(1);
  if (interval) return `${figure(mean)} [${figure(interval.lower)} to ${figure(interval.upper)}]`;
  return `${figure(mean)}${standardError === null || standardError === 0 ? '' : ` ± ${figure(standardError)}`}`;
}
