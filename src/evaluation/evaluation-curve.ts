import { setImmediate as nextTurn } from 'node:timers/promises';
import { stratifiedGroupFolds } from '../head/folds.js';
import { labelledMetrics } from '../head/labelled-metrics.js';
import { headProbabilities, softmaxRows } from '../head/score.js';
import type { TrainingSet } from '../head/training-set.js';
import type { FittedRecipe } from '../training/fit/recipes.js';
import type { CurvePoint } from './evaluation-types.js';

const SHARES: readonly number[] = [0.1, 0.2, 0.4, 0.7];
const TENTHS = 10;

export interface CurveInput {
  set: TrainingSet;
  labels: readonly string[];
  /** Fits the recipe of the head to a set. */
  refit: (set: TrainingSet) => Promise<FittedRecipe>;
  /** The recipe on the whole set. */
  whole: FittedRecipe;
  /**
   * Samples that the heads are measured on; null: leave-group-out within their training samples.
   */
  holdout: { features: Float32Array; truth: readonly string[] } | null;
  /** Number of draws of each share. */
  repeats: number;
  onStep: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Fits the recipe to 10, 20, 40, 70 and 100 % of the training groups. The groups are dealt into ten
 * parts with similar classes, and each share takes the first parts, so that larger shares contain
 * the smaller ones. Every repeat deals anew. A share with one group or class has no point; a single
 * group in all has only the point of 100 %.
 */
export async function learningCurve(input: CurveInput): Promise<CurvePoint[]> {
  const { set, labels } = input;
  const repeats = new Set(set.groups).size < 2 ? 0 : input.repeats;
  const total = SHARES.length * repeats + 1;
  const found = new Map<number, Measured[]>();
  const keep = (share: number, measured: Measured | null): void => {
    if (measured) found.set(share, [...(found.get(share) ?? []), measured]);
  };
  let done = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const parts = stratifiedGroupFolds(set.labels, set.groups, set.classCount, {
      folds: TENTHS,
      seed: repeat + 1,
    });
    const count = parts.reduce((most, part) => Math.max(most, part), 0) + 1;
    for (const share of SHARES) {
      if (input.signal?.aborted) return points(found);
      const taken = Math.max(1, Math.round(share * count));
      const subset = restrict(set, (row) => parts[row]! < taken);
      keep(share, subset && measure(await input.refit(subset.set), subset, input));
      input.onStep(++done, total);
      await nextTurn();
    }
  }
  const all = { set, classes: labels.map((_, i) => i) };
  keep(1, measure(input.whole, all, input));
  input.onStep(total, total);
  return points(found);
}

interface Subset {
  set: TrainingSet;
  /** Class index in the whole set, by class index in this one. */
  classes: number[];
}

interface Measured {
  samples: number;
  accuracy: number;
  macroF1: number;
}

function restrict(set: TrainingSet, wanted: (row: number) => boolean): Subset | null {
  const rows = Array.from({ length: set.rows }, (_, row) => row).filter(wanted);
  const classes = [...new Set(rows.map((row) => set.labels[row]!))].sort((a, b) => a - b);
  const groups = new Set(rows.map((row) => set.groups[row]!));
  if (classes.length < 2 || groups.size < 2) return null;
  const indexOf = new Map(classes.map((c, i) => [c, i]));
  const d = set.featureSize;
  const features = new Float32Array(rows.length * d);
  for (const [i, row] of rows.entries()) {
    features.set(set.features.subarray(row * d, (row + 1) * d), i * d);
  }
  return {
    classes,
    set: {
      features,
      rows: rows.length,
      featureSize: d,
      labels: Int32Array.from(rows, (row) => indexOf.get(set.labels[row]!)!),
      groups: Int32Array.from(rows, (row) => set.groups[row]!),
      isView: Uint8Array.from(rows, (row) => set.isView[row]!),
      ...(set.samples && { samples: Int32Array.from(rows, (row) => set.samples![row]!) }),
      ...(set.clusters && { clusters: Int32Array.from(rows, (row) => set.clusters![row]!) }),
      classCount: classes.length,
    },
  };
}

function measure(
  { fit, temperature, gaussians }: FittedRecipe,
  { set, classes }: Subset,
  { labels, holdout }: CurveInput,
): Measured | null {
  const names = classes.map((c) => labels[c] as string);
  const originals = set.labels.filter((_, row) => set.isView[row] === 0);
  let metrics: ReturnType<typeof labelledMetrics>;
  if (holdout) {
    const { featureSize } = set;
    const voice = gaussians && { gaussianScale: gaussians.scale, novelty: gaussians.model };
    const probabilities = headProbabilities(
      { ...fit, featureSize, temperature, ...voice },
      holdout.features,
    );
    metrics = labelledMetrics(probabilities, names, holdout.truth);
  } else {
    const probabilities = fit.leaveGroupOutLogits.slice();
    softmaxRows(probabilities, set.classCount, 1 / temperature);
    metrics = labelledMetrics(
      probabilities,
      names,
      Array.from(originals, (label) => names[label] as string),
    );
  }
  if (!metrics) return null;
  return { samples: originals.length, accuracy: metrics.accuracy, macroF1: metrics.macroF1 };
}

function points(found: ReadonlyMap<number, Measured[]>): CurvePoint[] {
  const mean = (of: readonly number[]) => of.reduce((sum, x) => sum + x, 0) / of.length;
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([share, measured]) => {
      const scores = measured.map((m) => m.macroF1);
      return {
        share,
        samples: Math.round(mean(measured.map((m) => m.samples))),
        repeats: measured.length,
        accuracy: mean(measured.map((m) => m.accuracy)),
        macroF1: mean(scores),
        macroF1Least: Math.min(...scores),
        macroF1Most: Math.max(...scores),
      };
    });
}
