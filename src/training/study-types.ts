import type { Series } from './report-html-charts.js';

/** The four ways to a classifier, in the order they run: the quickest first. */
export const APPROACHES = ['backbone', 'cnn', 'cnn-augmented', 'cnn-augmented-l2'] as const;
export type Approach = (typeof APPROACHES)[number];

export const APPROACH_NAMES: Record<Approach, string> = {
  backbone: 'Frozen backbone + head',
  cnn: 'CNN from scratch',
  'cnn-augmented': 'CNN, augmentation',
  'cnn-augmented-l2': 'CNN, augmentation, L2',
};

export interface StudyRow {
  approach: Approach;
  /** `cut`: ended before its last epoch by the budget or by hand. */
  state: 'done' | 'cut' | 'not run';
  epochs: number;
  /** All work on this way, seconds: for the backbone its forward passes and the fit. */
  seconds: number;
  /** On the photos that were held out, after the last epoch; null: not run. */
  accuracy: number | null;
  macroF1: number | null;
  /** On the training photos, after the last epoch: far above the other is overfitting. */
  trainingAccuracy: number | null;
  points: Series['points'];
}

/** The article's experiment on one folder of photos. */
export interface Study {
  schema: 1;
  createdAt: string;
  folder: string;
  photos: { training: number; heldOut: number; trainingGroups: number; heldOutGroups: number };
  classes: { label: string; training: number; heldOut: number }[];
  /** What always answering the most frequent class would score. */
  majorityAccuracy: number;
  settings: { epochs: number; sizePixels: number; batch: number; views: number; seed: number };
  engine: { backend: string; reason: string; backbone: string };
  /** Measured beforehand, seconds. */
  estimate: StudyEstimate;
  interrupted: boolean;
  rows: StudyRow[];
  seconds: number;
}

export interface StudyEstimate {
  /** Epochs that fit into the budget, at most those asked for. */
  epochs: number;
  seconds: number;
  perApproach: Record<Approach, number>;
}

/** The table as lines of cells, first the heads. */
export function studyTable(rows: readonly StudyRow[]): string[][] {
  const share = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`);
  return [
    ['', 'accuracy', 'macro-F1', 'on training photos', 'epochs', 'seconds'],
    ...rows.map((row) => [
      APPROACH_NAMES[row.approach] + (row.state === 'done' ? '' : ` (${row.state})`),
      share(row.accuracy),
      row.macroF1 === null ? '-' : row.macroF1.toFixed(3),
      share(row.trainingAccuracy),
      row.approach === 'backbone' || row.state === 'not run' ? '-' : String(row.epochs),
      row.state === 'not run' ? '-' : row.seconds.toFixed(1),
    ]),
  ];
}
