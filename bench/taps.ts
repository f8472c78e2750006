/**
 * What features of an inner layer add to the last ones, and what they cost.
 *   npm run -s bench -- taps [--card NAME] [--seeds N] [--sizes 5,10,20,50]
 * Training photos alone: of the grocery photos those named `train_`, of the others all. Photos are
 * imported as a robot imports them, so near-duplicates share a group; whole groups are dealt into
 * folds, heads learn from so many photos a class of the other folds through the search that training
 * uses, and are asked about the fold. No augmented views.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawCheckPicture } from '../src/backbone/check-picture.js';
import { createRandom, seedFrom } from '../src/base/random.js';
import { validateConfig } from '../src/config/load.js';
import { stratifiedGroupFolds } from '../src/head/folds.js';
import { labelledMetrics } from '../src/head/labelled-metrics.js';
import { headProbabilities } from '../src/head/score.js';
import type { TrainingSet } from '../src/head/training-set.js';
import { importFolder } from '../src/samples/folder/import-folder.js';
import { SampleStore } from '../src/samples/store.js';
import { openDatabase } from '../src/storage/database.js';
import { readLabelled } from '../src/training/data/collect.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { searchRecipes } from '../src/training/fit/search.js';
import { withEmbedder } from './support/photo-features.js';
import { sharedFolder } from './support/places.js';

const FOLDS = 4;
const TIMED_ROUNDS = 80;
/** Of one search: never reached. */
const BUDGET_MS = 3_600_000;

/** Photos of one data set with the features of both taps. */
interface DataSet {
  labels: string[];
  classes: Int32Array;
  groups: Int32Array;
  features: Float32Array;
  featureSize: number;
}

interface Way {
  name: string;
  /** Of all features, those before the first inner tap are kept as they are; the others times this. */
  innerScale: number | null;
}

interface Score {
  accuracy: number;
  macroF1: number;
}

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { card, seeds, sizes } = parseArgs({
    args: options,
    options: {
      card: { type: 'string', default: 'efficientnet-lite0-288' },
      seeds: { type: 'string', default: '1' },
      sizes: { type: 'string', default: '5,10,20,50' },
    },
  }).values;
  const shared = sharedFolder();
  if (shared === null) throw new Error('the folder with data sets is absent');
  const loadBefore = loadavg()[0] as number;
  const forwardMs = await timeForwards(card, `${card}-2tap`);
  const engine = await OnnxFitEngine.create(1);
  const accuracy: Record<string, Record<string, Record<string, Score & { gain: string }>>> = {};
  const ratios: Record<string, number> = {};
  for (const name of ['grocery', 'roads', 'fruit-copies']) {
    const data = await readData(join(shared, 'data', name), `${card}-2tap`);
    const lastSize = await featureSizeOf(card);
    const ratio = deviationRatio(data, lastSize);
    ratios[name] = rounded(ratio);
    const ways: Way[] = [
      { name: 'last', innerScale: null },
      { name: 'both, as the card', innerScale: 1 },
      { name: 'both, inner evened', innerScale: ratio },
      { name: 'both, inner half of that', innerScale: ratio / 2 },
    ];
    for (const size of sizes.split(',').map(Number)) {
      const table = await compare(data, lastSize, ways, size, Number(seeds), engine);
      if (table === null) continue;
      accuracy[name] = { ...accuracy[name], [`${size} a class`]: table };
      process.stderr.write(`${name} ${size}: ${JSON.stringify(table)}\n`);
    }
  }
  await engine.close();
  const figures = { card, loadBefore, forwardMs, deviationRatio: ratios, accuracy };
  writeTable(figures);
  return figures;
}

async function featureSizeOf(card: string): Promise<number> {
  return withEmbedder(card, async ({ backbone }) => backbone.featureSize);
}

/** Median milliseconds, the two taking turns. */
async function timeForwards(...cards: [string, string]): Promise<Record<string, number>> {
  const times: [number[], number[]] = [[], []];
  await withEmbedder(cards[0], (one) =>
    withEmbedder(cards[1], async (other) => {
      const picture = drawCheckPicture(one.backbone.inputSize);
      for (let round = 0; round < TIMED_ROUNDS; round++) {
        for (const [i, { backbone }] of [one, other].entries()) {
          const begin = performance.now();
          await backbone.embed(picture);
          if (round >= 5) times[i]!.push(performance.now() - begin);
        }
      }
    }),
  );
  return Object.fromEntries(
    cards.map((card, i) => [
      card,
      rounded(times[i]!.sort((a, b) => a - b)[times[i]!.length >> 1]!),
    ]),
  );
}

async function readData(dir: string, card: string): Promise<DataSet> {
  const scratch = mkdtempSync(join(tmpdir(), 'headland-taps-'));
  const database = openDatabase(join(scratch, 'taps.db'));
  try {
    const { inference } = validateConfig({});
    const store = new SampleStore(database, {
      holdoutShare: 0,
      holdoutAfterSamples: 0,
      maxPictureStoreBytes: 4e9,
    });
    await importFolder(store, trainingPhotos(dir, scratch), {
      groupPattern: dir.endsWith('grocery') ? '^(.*_\\d*)\\d\\.\\w+$' : null,
      limits: { maxBytes: inference.maxPictureBytes, maxPixels: inference.maxPicturePixels },
    });
    const samples = readLabelled(store);
    const labels = [...new Set(samples.map(({ label }) => label))].sort();
    const groups = [...new Set(samples.map(({ group }) => group))];
    return await withEmbedder(card, async (embedder) => {
      const { featureSize } = embedder.backbone;
      const features = new Float32Array(samples.length * featureSize);
      for (const [i, { id }] of samples.entries()) {
        const embedded = await embedder.embedPicture(store.picture(id) as Uint8Array);
        features.set(embedded.features, i * featureSize);
      }
      return {
        labels,
        features,
        featureSize,
        classes: Int32Array.from(samples, ({ label }) => labels.indexOf(label)),
        groups: Int32Array.from(samples, ({ group }) => groups.indexOf(group)),
      };
    });
  } finally {
    database.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A copy of the folder without the photos named `test_`. */
function trainingPhotos(dir: string, scratch: string): string {
  const folder = join(scratch, 'photos');
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    mkdirSync(join(folder, entry.name), { recursive: true });
    for (const file of readdirSync(join(dir, entry.name))) {
      const copy = join(folder, entry.name, file);
      if (!file.startsWith('test_')) {
        copyFileSync(join(dir, entry.name, file), copy);
      }
    }
  }
  return folder;
}

/** By how much the inner features deviate less from their means than the last ones. */
function deviationRatio({ features, featureSize: d, classes }: DataSet, lastSize: number): number {
  const squares = [0, 0];
  for (let j = 0; j < d; j++) {
    let sum = 0;
    let square = 0;
    for (let i = 0; i < classes.length; i++) {
      sum += features[i * d + j]!;
      square += features[i * d + j]! ** 2;
    }
    squares[j < lastSize ? 0 : 1]! += square / classes.length - (sum / classes.length) ** 2;
  }
  return Math.sqrt(squares[0]! / squares[1]!);
}

/** Means over folds and seeds; null where a class has too few photos for the size. */
async function compare(
  data: DataSet,
  lastSize: number,
  ways: readonly Way[],
  size: number,
  seeds: number,
  engine: OnnxFitEngine,
): Promise<Record<string, Score & { gain: string }> | null> {
  const { classes, groups, labels } = data;
  const scores = ways.map((): Score[] => []);
  for (let seed = 1; seed <= seeds; seed++) {
    const folds = stratifiedGroupFolds(classes, groups, labels.length, { folds: FOLDS, seed });
    for (let fold = 0; fold < FOLDS; fold++) {
      const random = createRandom(seedFrom(seed, size, fold));
      const order = Array.from(classes, (_, i) => ({ i, key: random.next() }))
        .filter(({ i }) => folds[i] !== fold)
        .sort((a, b) => a.key - b.key)
        .map(({ i }) => i);
      const learnt = labels.flatMap((_, c) => order.filter((i) => classes[i] === c).slice(0, size));
      const asked = Array.from(classes, (_, i) => i).filter((i) => folds[i] === fold);
      // Where a class has fewer photos than that, the size would not mean what it says.
      if (learnt.length < 0.8 * size * labels.length) return null;
      for (const [w, way] of ways.entries()) {
        scores[w]!.push(await fitAndAsk(data, lastSize, way, learnt, asked, engine));
      }
    }
  }
  const base = scores[0]!;
  return Object.fromEntries(
    ways.map(({ name }, w) => {
      const own = scores[w]!;
      const gains = own.map(({ accuracy }, i) => accuracy - base[i]!.accuracy);
      const mean = average(gains);
      const error = Math.sqrt(average(gains.map((g) => (g - mean) ** 2)) / (gains.length - 1));
      return [
        name,
        {
          accuracy: rounded(average(own.map(({ accuracy }) => accuracy))),
          macroF1: rounded(average(own.map(({ macroF1 }) => macroF1))),
          gain: `${(100 * mean).toFixed(1)} ± ${(100 * error).toFixed(1)}`,
        },
      ];
    }),
  );
}

async function fitAndAsk(
  data: DataSet,
  lastSize: number,
  { innerScale }: Way,
  learnt: readonly number[],
  asked: readonly number[],
  engine: OnnxFitEngine,
): Promise<Score> {
  const { labels, classes, groups } = data;
  const featureSize = innerScale === null ? lastSize : data.featureSize;
  const rowsOf = (rows: readonly number[]): Float32Array => {
    const out = new Float32Array(rows.length * featureSize);
    for (const [at, row] of rows.entries()) {
      const from = row * data.featureSize;
      out.set(data.features.subarray(from, from + featureSize), at * featureSize);
      for (let j = lastSize; j < featureSize; j++) out[at * featureSize + j]! *= innerScale ?? 1;
    }
    return out;
  };
  const set: TrainingSet = {
    features: rowsOf(learnt),
    rows: learnt.length,
    featureSize,
    classCount: labels.length,
    labels: Int32Array.from(learnt, (i) => classes[i]!),
    groups: Int32Array.from(learnt, (i) => groups[i]!),
    isView: new Uint8Array(learnt.length),
  };
  const { learners } = validateConfig({}).training;
  const { chosen } = await searchRecipes(set, {
    learners,
    engine,
    budgetMs: BUDGET_MS,
  });
  const probabilities = headProbabilities(
    {
      weights: chosen.fit.weights,
      bias: chosen.fit.bias,
      transform: chosen.fit.transform,
      featureSize,
      temperature: chosen.temperature,
    },
    rowsOf(asked),
  );
  const truth = asked.map((i) => labels[classes[i]!] as string);
  const metrics = labelledMetrics(probabilities, labels, truth);
  return { accuracy: metrics?.accuracy ?? 0, macroF1: metrics?.macroF1 ?? 0 };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

function writeTable(figures: {
  card: string;
  loadBefore: number;
  forwardMs: Record<string, number>;
  accuracy: Record<string, Record<string, Record<string, Score & { gain: string }>>>;
}): void {
  const rows = Object.entries(figures.accuracy).flatMap(([data, sizes]) =>
    Object.entries(sizes).map(([size, table]) => {
      const cells = Object.entries(table).map(([, { accuracy, gain }], i) =>
        i === 0 ? (100 * accuracy).toFixed(1) : `${(100 * accuracy).toFixed(1)} (${gain})`,
      );
      return `| ${data} | ${size} | ${cells.join(' | ')} |`;
    }),
  );
  const table = [
    '# Features of an inner layer',
    '',
    `${figures.card} with and without the average of its last layer but one stage. Accuracy (%) of the`,
    'head that the search chooses, on left-out groups of training photos; in brackets the gain over the',
    `last features alone, with its standard error over ${FOLDS} folds.`,
    '',
    `Forward: ${Object.entries(figures.forwardMs)
      .map(([name, ms]) => `${name} ${ms} ms`)
      .join(', ')} (median, one thread, taking turns).`,
    '',
    `Machine: ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load before ` +
      `${figures.loadBefore.toFixed(1)}. Command: \`npm run -s bench -- taps\`.`,
    '',
    '| photos | labels | last | both, as the card | both, inner evened | both, inner half of that |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  const results = fileURLToPath(new URL('../../bench/results/', import.meta.url));
  writeFileSync(join(results, 'taps.md'), table);
  process.stderr.write(table);
}
