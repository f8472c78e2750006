import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../src/base/random.js';
import { validateConfig } from '../src/config/load.js';
import type { Head } from '../src/head/head.js';
import { fitRidge, RIDGE_LAMBDAS } from '../src/head/learners/ridge.js';
import { classificationMetrics } from '../src/head/metrics.js';
import { headProbabilities } from '../src/head/score.js';
import type { TrainingSet } from '../src/head/training-set.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { calibrated, type FittedRecipe, withViews } from '../src/training/fit/recipes.js';
import { chooseRecipe, projectWith, searchRecipes } from '../src/training/fit/search.js';
import {
  FeatureCache,
  type Features,
  groceryPhotos,
  type Photo,
  type View,
} from './support/grocery.js';
import { keptFeaturesFolder } from './support/places.js';
import { runPeer } from './support/python.js';

const SIZES = [5, 10, 20, 50];
const SEEDS = 5;
/** As the daemon is set by default. */
const { augmentation, models, training } = validateConfig({});
const PEERS = ['logistic', 'logistic+views', 'nearest-mean', 'frigate'];

interface Score {
  accuracy: number;
  macroF1: number;
}
type Scores = Record<string, Score & { note?: string }>;

interface Material {
  card: string;
  photos: Photo[];
  classes: string[];
  /** Class of each photo. */
  labels: number[];
  /** Rows of the test split. */
  test: number[];
  original: Features;
  /** Of the training photos, in their order. */
  views: Features[];
  /** Row among training photos of each photo. */
  trainRow: Map<number, number>;
  files: { originals: string; views: string[] };
}

/**
 * Macro-F1 and top-1 on the grocery photos' official test split (other shops), by the recipe that
 * the search chose on the training photos alone, beside other ways to learn from the same features.
 * Options: names of backbones (default mobilenet-v2 and the configured one), `--seeds=N`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const found = groceryPhotos();
  if (!found) return { skipped: 'the grocery photos are not at ../shared/data (HEADLAND_SHARED)' };
  const named = options.filter((option) => !option.startsWith('--'));
  const cards = named.length > 0 ? named : ['mobilenet-v2', models.backbone];
  const seeds = Number(options.find((o) => o.startsWith('--seeds='))?.slice(8) ?? SEEDS);
  const flat: Record<string, number> = {};
  const results: Record<string, unknown> = {};
  for (const card of cards) {
    const material = await load(card, found.folder, found.photos);
    const table: Record<string, unknown> = {};
    const bySize = SIZES.map((): Scores[] => []);
    for (let seed = 0; seed < seeds; seed++) {
      for (const [i, size] of SIZES.entries()) {
        bySize[i]?.push(await scores(material, size, seed));
      }
    }
    for (const [i, size] of SIZES.entries()) {
      const runs = bySize[i] as Scores[];
      table[size] = mean(runs);
      for (const name of ['ours', ...PEERS, 'ours-no-views']) {
        if (runs.every((one) => name in one)) {
          flat[`${card}_${size}_${name}_macro_f1`] = average(runs, name, 'macroF1');
        }
      }
    }
    results[card] = table;
  }
  return {
    ...flat,
    ...goals(flat, cards),
    ...ablation(results),
    seeds,
    views: augmentation.views,
    results,
  };
}

/** What comes of each comparison, in points of macro-F1. */
function goals(flat: Record<string, number>, cards: string[]): Record<string, number> {
  const gains = (peer: string, sizes: number[]): number[] =>
    cards.flatMap((card) =>
      sizes.map(
        (size) =>
          (flat[`${card}_${size}_ours_macro_f1`] as number) -
          (flat[`${card}_${size}_${peer}_macro_f1`] as number),
      ),
    );
  const overall = (values: number[]) => round(values.reduce((a, b) => a + b, 0) / values.length);
  return {
    over_frigate_mean: overall(gains('frigate', SIZES)),
    over_frigate_least: round(Math.min(...gains('frigate', SIZES))),
    over_logistic_at_10_20_least: round(Math.min(...gains('logistic', [10, 20]))),
    over_logistic_least: round(Math.min(...gains('logistic', SIZES))),
    over_logistic_with_views_mean: overall(gains('logistic+views', [5, 10])),
    over_nearest_mean_mean: overall(gains('nearest-mean', SIZES)),
  };
}

/** Mean gain of our recipe, in points of macro-F1, over the same without one of its parts. */
function ablation(results: Record<string, unknown>): Record<string, number> {
  const cells = Object.values(results).flatMap(
    (table) => Object.values(table as object) as Record<string, Score>[],
  );
  const gain = (whole: string, part: string): number => {
    const gains = cells.map(
      (cell) => (cell[whole] as Score).macroF1 - (cell[part] as Score).macroF1,
    );
    return round(gains.reduce((a, b) => a + b, 0) / gains.length);
  };
  return {
    gain_of_views: gain('ours', 'ours-no-views'),
    gain_of_transform: gain('ours', 'ours-no-transform'),
    gain_of_lambda_search_for_ridge: gain('ridge-l2-lambda-searched', 'ridge-l2-lambda-fixed'),
    gain_over_ridge_only: gain('ours', 'ours-ridge-only'),
    gain_over_softmax_only: gain('ours', 'ours-softmax-only'),
    gain_of_preference_over_least_log_loss: gain('ours', 'ours-least-log-loss'),
  };
}

async function load(card: string, folder: string, photos: Photo[]): Promise<Material> {
  const cache = new FeatureCache(card, folder);
  const { seed, ...settings } = augmentation;
  const wanted: View[] = Array.from({ length: settings.views }, (_, i) => ({
    kind: 'augmented',
    settings,
    seed,
    number: i + 1,
  }));
  const train = photos.filter((photo) => photo.split === 'train');
  const [original] = (await cache.features(photos, [{ kind: 'original' }])) as [Features];
  const classes = [...new Set(photos.map((photo) => photo.label))].sort();
  const trainRow = new Map<number, number>();
  photos.forEach((photo, i) => {
    if (photo.split === 'train') trainRow.set(i, trainRow.size);
  });
  return {
    card,
    photos,
    classes,
    original,
    trainRow,
    labels: photos.map((photo) => classes.indexOf(photo.label)),
    test: photos.flatMap((photo, i) => (photo.split === 'test' ? [i] : [])),
    views: await cache.features(train, wanted),
    files: {
      originals: cache.file(photos, { kind: 'original' }),
      views: wanted.map((view) => cache.file(train, view)),
    },
  };
}

/** All methods on one draw of photos; kept on disk, because a run takes minutes. */
async function scores(material: Material, size: number, seed: number): Promise<Scores> {
  const cacheFolder = join(keptFeaturesFolder(), 'accuracy');
  mkdirSync(cacheFolder, { recursive: true });
  const version = process.env.HEADLAND_BENCH_REVISION ?? '5';
  const kept = (part: string) =>
    join(cacheFolder, `${material.card}-${size}-${seed}-${augmentation.views}-${part}.json`);
  const rows = drawRows(material, size, seed);
  const [ours, peers] = [kept(`ours-${version}`), kept('peers')];
  if (!existsSync(ours)) writeFileSync(ours, JSON.stringify(await ourScores(material, rows)));
  if (!existsSync(peers)) {
    writeFileSync(peers, JSON.stringify(await peerScores(material, rows, size, seed)));
  }
  return { ...JSON.parse(readFileSync(ours, 'utf8')), ...JSON.parse(readFileSync(peers, 'utf8')) };
}

/** At most `size` training photos of each class. */
function drawRows({ photos, classes }: Material, size: number, seed: number): number[] {
  const random = createRandom(1000 * size + seed);
  return classes
    .flatMap((label) => {
      const own = photos.flatMap((photo, i) =>
        photo.label === label && photo.split === 'train' ? [i] : [],
      );
      for (let i = own.length - 1; i > 0; i--) {
        const j = random.int(i + 1);
        [own[i], own[j]] = [own[j] as number, own[i] as number];
      }
      return own.slice(0, size);
    })
    .sort((a, b) => a - b);
}

async function ourScores(material: Material, rows: number[]): Promise<Scores> {
  const engine = await OnnxFitEngine.create(1);
  const set = trainingSet(material, rows);
  const bare = withViews(set, 0);
  const learners = ['ridge', 'softmax', 'blend'] as const;
  const search = { learners, budgetMs: training.searchBudgetMs, engine };
  const startedAt = performance.now();
  const full = await searchRecipes(set, search);
  const seconds = (performance.now() - startedAt) / 1000;
  const withoutViews = await searchRecipes(bare, search);
  const only = (of: (recipe: FittedRecipe) => boolean) =>
    chooseRecipe(set, full.recipes.filter(of));
  const { set: reduced, lift } = await projectWith(engine, set, 'l2');
  const lambdas = [RIDGE_LAMBDAS[4] as number];
  const fixed = lift(fitRidge(reduced, { transform: 'none', lambdas }));
  // Takes ten times as long; where rows are many the others show enough.
  const whole = set.rows < 2000 ? fitRidge(set, { transform: 'l2' }) : null;
  const recipes: Record<string, FittedRecipe> = {
    ours: full.chosen,
    'ours-no-views': withoutViews.chosen,
    'ours-no-transform': only(({ fit }) => fit.transform === 'none'),
    'ours-ridge-only': only(({ learner }) => learner === 'ridge'),
    'ours-softmax-only': only(({ learner }) => learner === 'softmax'),
    'ours-blend-only': only(({ learner }) => learner === 'blend'),
    'ours-least-log-loss': full.recipes.reduce((a, b) => (b.macroLogLoss < a.macroLogLoss ? b : a)),
    'ridge-l2-lambda-searched': only(
      ({ learner, fit, views }) => learner === 'ridge' && fit.transform === 'l2' && views > 0,
    ),
    'ridge-l2-lambda-fixed': calibrated(set, 'ridge', fixed),
    ...(whole ? { 'ridge-l2-all-directions': calibrated(set, 'ridge', whole) } : {}),
  };
  for (const transform of ['l2', 'none', 'sqrt-l2', 'sqrt']) {
    for (const learner of learners) {
      recipes[`${learner}-${transform}`] = full.recipes.find(
        (r) => r.learner === learner && r.fit.transform === transform,
      ) as FittedRecipe;
    }
  }
  await engine.close();
  const scored = Object.entries(recipes).map(([name, recipe]) => {
    const { learner, fit, views } = recipe;
    const note = `${learner} ${fit.transform} ${views} ${fit.lambda.toPrecision(2)}`;
    return [name, { ...scoreOf(material, recipe), note }];
  });
  const scores = Object.fromEntries(scored) as Scores;
  scores.seconds = { accuracy: seconds, macroF1: seconds };
  return scores;
}

function scoreOf({ original, classes, labels, test }: Material, recipe: FittedRecipe): Score {
  const head: Head = {
    learner: recipe.learner,
    labels: classes,
    featureSize: original.featureSize,
    backboneChecksum: '',
    transform: recipe.fit.transform,
    weights: recipe.fit.weights,
    bias: recipe.fit.bias,
    temperature: recipe.temperature,
  };
  const probabilities = headProbabilities(head, pick(original, test));
  const truth = Int32Array.from(test, (row) => labels[row] as number);
  const { accuracy, macroF1 } = classificationMetrics(probabilities, truth, classes.length);
  return { accuracy: 100 * accuracy, macroF1: 100 * macroF1 };
}

function trainingSet(material: Material, rows: number[]): TrainingSet {
  const { original, views, labels, photos, classes, trainRow } = material;
  const trainRows = rows.map((row) => trainRow.get(row) as number);
  const parts = [pick(original, rows), ...views.map((view) => pick(view, trainRows))];
  const count = rows.length * parts.length;
  const features = new Float32Array(count * original.featureSize);
  parts.forEach((part, i) => {
    features.set(part, i * part.length);
  });
  const names = [...new Set(rows.map((row) => (photos[row] as Photo).group))];
  const repeated = (of: (row: number, i: number) => number) =>
    Int32Array.from({ length: count }, (_, i) =>
      of(rows[i % rows.length] as number, i % rows.length),
    );
  return {
    features,
    rows: count,
    featureSize: original.featureSize,
    labels: repeated((row) => labels[row] as number),
    groups: repeated((row) => names.indexOf((photos[row] as Photo).group)),
    samples: repeated((_, i) => i),
    isView: Uint8Array.from({ length: count }, (_, i) => Number(i >= rows.length)),
    classCount: classes.length,
  };
}

function pick({ data, featureSize }: Features, rows: number[]): Float32Array {
  const out = new Float32Array(rows.length * featureSize);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * featureSize, (row + 1) * featureSize), i * featureSize);
  });
  return out;
}

async function peerScores(
  material: Material,
  rows: number[],
  size: number,
  seed: number,
): Promise<Scores> {
  // Its cross-validation on views takes minutes where photos are many.
  const names = size > 10 ? PEERS.filter((peer) => peer !== 'logistic+views') : PEERS;
  const { labels, test, files, original, trainRow, classes } = material;
  const viewRows = rows.map((row) => trainRow.get(row));
  const request = {
    featureSize: original.featureSize,
    labels,
    test,
    originals: files.originals,
    views: files.views,
    tasks: names.map((peer) => {
      const [method, views] = peer.split('+');
      return { method, views: views ? files.views.length : 0, rows, viewRows, seed };
    }),
  };
  const answers = await runPeer<number[][]>('accuracy.py', request);
  return Object.fromEntries(
    answers.map((predicted, i) => {
      const oneHot = new Float64Array(test.length * classes.length);
      predicted.forEach((label, row) => {
        oneHot[row * classes.length + label] = 1;
      });
      const truth = Int32Array.from(test, (row) => labels[row] as number);
      const { accuracy, macroF1 } = classificationMetrics(oneHot, truth, classes.length);
      return [names[i] as string, { accuracy: 100 * accuracy, macroF1: 100 * macroF1 }];
    }),
  );
}

function average(runs: Scores[], name: string, figure: keyof Score): number {
  return round(runs.reduce((sum, one) => sum + (one[name]?.[figure] ?? 0), 0) / runs.length);
}

function mean(runs: Scores[]): Record<string, unknown> {
  const names = Object.keys(runs[0] ?? {}).filter((name) => runs.every((one) => name in one));
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        accuracy: average(runs, name, 'accuracy'),
        macroF1: average(runs, name, 'macroF1'),
        ...(name === 'ours' ? { recipes: runs.map((one) => one[name]?.note) } : {}),
      },
    ]),
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
