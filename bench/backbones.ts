/**
 * Compares backbones: accuracy of a linear head on real photos, and milliseconds a forward pass.
 *   npm run -s bench -- backbones [--shared DIR] [--wheels DIR] [--cards DIR] [--python PATH]
 * The features come from the project's own way (decode, resize, normalise, ONNX Runtime); the head
 * is scikit-learn's, so that what is compared is the backbones alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listCards } from '../src/backbone/card-folders.js';
import { drawCheckPicture } from '../src/backbone/check-picture.js';
import { Embedder } from '../src/backbone/embedder.js';
import type { ModelCard } from '../src/backbone/model-card.js';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { pullModel } from '../src/models/pull-model.js';
import type { Fit } from '../src/vision/image.js';

const FITS: Fit[] = ['squash', 'crop'];
const TIMED_ROUNDS = 60;
const WARM_UP_ROUNDS = 5;
const HEAD = 'scikit-learn StandardScaler + LogisticRegression(C=0.01), 5 seeds';

interface Photo {
  path: string;
  label: string;
  split: 'train' | 'test';
  /** Split, variety and tens of the number: photos of one group were taken one after another. */
  group: string;
}

interface FeatureSet {
  /** Backbone and fit. */
  name: string;
  /** float32, photos x featureSize. */
  file: string;
  featureSize: number;
}

interface Accuracy {
  [backboneAndFit: string]: Record<string, { mean: number; scores: number[] }>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Settings {
  /** Holds data/grocery and models/. */
  shared: string;
  /** Folder of wheels, to spare a download. */
  wheels?: string;
  /** Folder of further cards to compare, for example other input sizes. */
  cards?: string;
  /** With scikit-learn. */
  python: string;
}

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const settings = parseArgs({
    args: options,
    options: {
      shared: {
        type: 'string',
        default: process.env.HEADLAND_SHARED ?? join(root, '..', 'shared'),
      },
      wheels: { type: 'string' },
      cards: { type: 'string' },
      python: { type: 'string', default: '/usr/bin/python3' },
    },
  }).values;
  /** Of the minute before: what else the machine was doing. */
  const loadBefore = loadavg()[0] as number;
  const work = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  try {
    const cards = await listCards(settings.cards ?? null);
    for (const card of cards) await pull(card, work, settings);
    const forwardMs = await timeForwards(cards, work);
    const photos = listPhotos(join(resolve(settings.shared), 'data', 'grocery'));
    const sets: FeatureSet[] = [];
    for (const card of cards) {
      for (const fit of FITS) sets.push(await exportFeatures(card, fit, photos, work));
    }
    const accuracy = scoreFeatures(sets, photos, settings.python);
    const figures = { data: describe(photos), head: HEAD, loadBefore, forwardMs, accuracy };
    writeTable(cards, figures);
    return figures;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function pull(card: ModelCard, work: string, settings: Settings): Promise<void> {
  const mirrors = [join(resolve(settings.shared), 'models')];
  if (settings.wheels) mirrors.push(settings.wheels);
  await pullModel(card, {
    cacheDir: work,
    mirrors,
    allowDownload: true,
    pipCommand: ['python3', '-m', 'pip'],
    downloadTimeoutMs: 600_000,
    maxBytes: 500_000_000,
    log: silentLog(),
  });
}

/** Median milliseconds a forward pass, the backbones taking turns so that noise meets all alike. */
async function timeForwards(cards: ModelCard[], work: string): Promise<Record<string, number>> {
  const backbones = await Promise.all(
    cards.map((card) => openBackbone({ card, cacheDir: work, threads: 1, log: silentLog() })),
  );
  const times = backbones.map((): number[] => []);
  for (let round = 0; round < WARM_UP_ROUNDS + TIMED_ROUNDS; round++) {
    for (const [i, backbone] of backbones.entries()) {
      const picture = drawCheckPicture(backbone.inputSize);
      const begin = performance.now();
      await backbone.embed(picture);
      if (round >= WARM_UP_ROUNDS) times[i]?.push(performance.now() - begin);
    }
  }
  await Promise.all(backbones.map((backbone) => backbone.close()));
  return Object.fromEntries(
    cards.map((card, i) => [card.name, Number(median(times[i] as number[]).toFixed(2))]),
  );
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

/** The data set's own split stands in the file names: the two were photographed in other shops. */
function listPhotos(dir: string): Photo[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: label }) =>
      readdirSync(join(dir, label)).map((file): Photo => {
        const split = file.startsWith('train_') ? 'train' : 'test';
        const group = file.replace(/\.jpg.*$/, '').slice(0, -1);
        return { path: join(dir, label, file), label, split, group };
      }),
    )
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function exportFeatures(
  card: ModelCard,
  fit: Fit,
  photos: Photo[],
  work: string,
): Promise<FeatureSet> {
  const backbone = await openBackbone({ card, cacheDir: work, threads: 1, log: silentLog() });
  const embedder = new Embedder(backbone, { fit, maxBytes: 8_388_608, maxPixels: 25_000_000 });
  const rows = new Float32Array(photos.length * backbone.featureSize);
  for (const [i, photo] of photos.entries()) {
    const { features } = await embedder.embedPicture(readFileSync(photo.path));
    rows.set(features, i * backbone.featureSize);
  }
  await backbone.close();
  const file = join(work, `${card.name}-${fit}.f32`);
  writeFileSync(file, rows);
  process.stderr.write(`${card.name} ${fit}: features of ${photos.length} photos\n`);
  return { name: `${card.name} ${fit}`, file, featureSize: backbone.featureSize };
}

function scoreFeatures(sets: FeatureSet[], photos: Photo[], python: string): Accuracy {
  const labels = [...new Set(photos.map((photo) => photo.label))].sort();
  const groups = [...new Set(photos.map((photo) => photo.group))];
  const input = {
    groups: photos.map((photo) => groups.indexOf(photo.group)),
    sets,
    labels: photos.map((photo) => labels.indexOf(photo.label)),
    train: photos.map((photo) => photo.split === 'train'),
  };
  const script = join(root, 'bench', 'peers', 'backbone_accuracy.py');
  const { status, stdout } = spawnSync(python, [script], {
    input: JSON.stringify(input),
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 1e8,
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return JSON.parse(stdout.toString()) as Accuracy;
}

function describe(photos: Photo[]): string {
  const train = photos.filter((photo) => photo.split === 'train').length;
  const test = photos.length - train;
  return `${train} training and ${test} test photos of groceries, taken in different shops`;
}

function writeTable(
  cards: ModelCard[],
  figures: {
    data: string;
    head: string;
    loadBefore: number;
    forwardMs: Record<string, number>;
    accuracy: Accuracy;
  },
): void {
  const rows = cards.flatMap((card) =>
    FITS.map((fit) => {
      const scores = Object.values(figures.accuracy[`${card.name} ${fit}`] ?? {});
      const shares = scores.map(({ mean }) => (100 * mean).toFixed(1)).join(' | ');
      return `| ${card.name} | ${fit} | ${shares} | ${figures.forwardMs[card.name]} |`;
    }),
  );
  const table = [
    '# Backbones',
    '',
    `Accuracy (%) of a linear head (${figures.head}) on ${figures.data}:`,
    '10, 20 and up to 50 training photos a class, scored on the test photos; inside: 20 a class,',
    'scored within the training photos with groups held together, to choose by.',
    'Forward: median milliseconds, normalisation included, one thread, the backbones taking turns.',
    '',
    `Machine: ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load before ` +
      `${figures.loadBefore.toFixed(1)}. Command: \`npm run -s bench -- backbones\`.`,
    '',
    '| backbone | fit | 10 | 20 | 50 | inside | forward ms |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  const results = join(root, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'backbones.md'), table);
  process.stderr.write(table);
}
