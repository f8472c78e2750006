import { createRandom } from '../../src/base/random.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { headOf } from '../../src/training/fit/fit-head.js';
import type { FittedRecipe } from '../../src/training/fit/recipes.js';
import { type FitEngine, searchRecipes } from '../../src/training/fit/search.js';
import type { Photo } from './grocery.js';
import type { Features } from './photo-features.js';

export const BACKBONES = ['mobilenet-v2', 'efficientnet-lite0-288'] as const;

/** Features of labelled photos, and which of them are learnt and which examined. */
export interface Protocol {
  name: string;
  data: GroceryData;
  training: number[];
  holdout: number[];
}

export interface GroceryData extends Features {
  classes: string[];
  labels: Int32Array;
  groups: Int32Array;
}

export function groceryData(photos: readonly Photo[], features: Features): GroceryData {
  const classes = [...new Set(photos.map((photo) => photo.label))].sort();
  const groups = [...new Set(photos.map((photo) => photo.group))];
  return {
    ...features,
    classes,
    labels: Int32Array.from(photos, (photo) => classes.indexOf(photo.label)),
    groups: Int32Array.from(photos, (photo) => groups.indexOf(photo.group)),
  };
}

/** The official split: other shops and days on either side. */
export function officialSplit(photos: readonly Photo[], data: GroceryData): Protocol {
  const of = (split: Photo['split']) =>
    [...photos.keys()].filter((i) => photos[i]!.split === split);
  return { name: 'official_split', data, training: of('train'), holdout: of('test') };
}

/** Half of all groups are learnt, the other half examined: both from the same shops. */
export function sameShop(data: GroceryData, seed: number): Protocol {
  const random = createRandom(seed);
  const learnt = new Map<number, boolean>();
  for (const group of data.groups) {
    if (!learnt.has(group)) learnt.set(group, random.next() < 0.5);
  }
  const of = (wanted: boolean) =>
    [...data.groups.keys()].filter((i) => learnt.get(data.groups[i]!) === wanted);
  return { name: 'same_shop', data, training: of(true), holdout: of(false) };
}

export function rowsOf({ features, featureSize: d }: Features, rows: readonly number[]) {
  const out = new Float32Array(rows.length * d);
  for (const [i, row] of rows.entries()) out.set(features.subarray(row * d, (row + 1) * d), i * d);
  return out;
}

/** Photos as a training set; labels are numbered anew, in order, where classes are missing. */
export function trainingSet(data: GroceryData, rows: readonly number[]): TrainingSet {
  const present = [...new Set(rows.map((row) => data.labels[row]!))].sort((a, b) => a - b);
  return {
    features: rowsOf(data, rows),
    rows: rows.length,
    featureSize: data.featureSize,
    labels: Int32Array.from(rows, (row) => present.indexOf(data.labels[row]!)),
    groups: Int32Array.from(rows, (row) => data.groups[row]!),
    isView: new Uint8Array(rows.length),
    classCount: present.length,
  };
}

/** A head as training makes it on the transform it prefers, and its leave-group-out answers. */
export async function fitHead(engine: FitEngine, set: TrainingSet, learner: 'ridge' | 'blend') {
  const { recipes } = await searchRecipes(set, {
    engine,
    transforms: ['l2'],
    budgetMs: 86_400_000,
    learners: [learner],
  });
  const recipe = recipes.find((one) => one.learner === learner) as FittedRecipe;
  const head = headOf(recipe, {
    labels: Array.from({ length: set.classCount }, (_, c) => String(c).padStart(4, '0')),
    featureSize: set.featureSize,
    backboneChecksum: 'bench',
  });
  return { recipe, head };
}

/** Area under the ROC curve of telling `strange` from `known` by larger scores; ties count half. */
export function auroc(known: ArrayLike<number>, strange: ArrayLike<number>): number {
  const sorted = Float64Array.from(known).sort();
  let sum = 0;
  for (let i = 0; i < strange.length; i++) {
    sum += (below(sorted, strange[i]!, false) + below(sorted, strange[i]!, true)) / 2;
  }
  return sum / (known.length * strange.length);
}

/** How many of the sorted values are below a value, or with `equal` at most as large. */
function below(sorted: Float64Array, value: number, equal: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value || (equal && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Figures of protocols of the same name, averaged; a figure that some lack is the mean of the others. */
export function meansByName(
  results: readonly { name: string; figures: Readonly<Record<string, number>> }[],
): Record<string, number> {
  const values = new Map<string, number[]>();
  for (const { name, figures } of results) {
    for (const [key, value] of Object.entries(figures)) {
      const known = values.get(`${name} ${key}`) ?? [];
      values.set(`${name} ${key}`, [...known, value]);
    }
  }
  return Object.fromEntries([...values].map(([key, all]) => [key, round(mean(all))]));
}

/** The same figures, each with a word before its name. */
export function prefixed(
  prefix: string,
  figures: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([k, value]) => [`${prefix} ${k}`, value]));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
