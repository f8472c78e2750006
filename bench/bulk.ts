import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cosine, NEAR_DUPLICATE_COSINE } from '../src/base/cosine.js';
import { sha256Hex } from '../src/base/hash.js';
import { createRandom } from '../src/base/random.js';
import { labelledMetrics } from '../src/head/labelled-metrics.js';
import { headProbabilities } from '../src/head/score.js';
import { LookAlikes } from '../src/samples/look-alikes.js';
import { SampleStore } from '../src/samples/store.js';
import { openDatabase } from '../src/storage/database.js';
import { collect, readLabelled } from '../src/training/data/collect.js';
import { assemble, presentOriginals } from '../src/training/data/feature-matrix.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { fitHead, headOf } from '../src/training/fit/fit-head.js';
import { groceryPhotos, type Photo } from './support/grocery.js';
import { nearCopy } from './support/life-alter.js';
import { groceryFeatures, withEmbedder } from './support/photo-features.js';

const BACKBONE = 'efficientnet-lite0-288';
const ORDERS = 5;
const LABELS_PER_CLASS = 10;
/** One photo in three begins a pass: frames that follow it, in this group window and the next. */
const PASS_EVERY = 3;
const FRAMES_PER_PASS = 10;
const WINDOW_MS = 30_000;

interface Arm {
  name: string;
  /** The frames that follow a photo are labelled too. */
  passes: boolean;
  /** Near-duplicates come into one group. */
  grouped: boolean;
  /** Near-duplicates weigh together as one sample. */
  weighed: boolean;
}
const ARMS: readonly Arm[] = [
  { name: 'one label a pass', passes: false, grouped: false, weighed: false },
  { name: 'passes, unguarded', passes: true, grouped: false, weighed: false },
  { name: 'passes, one group', passes: true, grouped: true, weighed: false },
  { name: 'passes, one group and weight', passes: true, grouped: true, weighed: true },
];

interface Frame {
  features: Float32Array;
  number: number;
}
interface Pass {
  photo: Photo;
  features: Float32Array;
  frames: Frame[];
}

/**
 * Labels of whole passes: each labelled photo alone, or with the frames that follow it and look like it,
 * with and without what guards training weight and holdout against near-duplicates. Needs the grocery
 * photos. Option: the number of orders.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const grocery = groceryPhotos();
  if (!grocery) throw new Error('the grocery photos are not there: set HEADLAND_SHARED');
  const orders = Number(options.find((option) => /^\d+$/.test(option)) ?? ORDERS);
  const { features, featureSize } = await groceryFeatures(BACKBONE, grocery);
  const vectorOf = new Map(
    grocery.photos.map((photo, i) => [
      photo.path,
      features.subarray(i * featureSize, (i + 1) * featureSize),
    ]),
  );
  const test = grocery.photos.filter(({ split }) => split === 'test');
  const testFeatures = joined(test.map(({ path }) => vectorOf.get(path)!));
  const engine = await OnnxFitEngine.create(1);
  const cells: Record<string, unknown>[] = [];
  for (let order = 0; order < orders; order++) {
    const passes = await passesOf(grocery.folder, grocery.photos, vectorOf, order);
    for (const arm of ARMS) {
      const cell = await live(passes, arm, engine, {
        features: testFeatures,
        truth: test.map(({ label }) => label),
      });
      cells.push({ order, arm: arm.name, ...cell });
      process.stderr.write(`${JSON.stringify(cells.at(-1))}\n`);
    }
  }
  await engine.close();
  return { orders, cells };
}

async function passesOf(
  folder: string,
  photos: readonly Photo[],
  vectorOf: ReadonlyMap<string, Float32Array>,
  order: number,
): Promise<Pass[]> {
  const random = createRandom(order + 1);
  const taken = new Map<string, number>();
  const chosen = photos
    .filter(({ split }) => split === 'train')
    .map((photo) => ({ photo, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .filter(({ photo: { label } }) => {
      taken.set(label, (taken.get(label) ?? 0) + 1);
      return taken.get(label)! <= LABELS_PER_CLASS;
    });
  return withEmbedder(BACKBONE, async (embedder) => {
    const passes: Pass[] = [];
    for (const [i, { photo }] of chosen.entries()) {
      const frames: Frame[] = [];
      const bytes = readFileSync(join(folder, photo.path));
      for (let number = 1; i % PASS_EVERY === 0 && number <= FRAMES_PER_PASS; number++) {
        const copy = await nearCopy(bytes, number / 4);
        frames.push({ number, features: (await embedder.embedPicture(copy)).features });
      }
      passes.push({ photo, features: vectorOf.get(photo.path)!, frames });
    }
    return passes;
  });
}

async function live(
  passes: readonly Pass[],
  arm: Arm,
  engine: OnnxFitEngine,
  test: { features: Float32Array; truth: string[] },
): Promise<Record<string, number | null>> {
  const dir = mkdtempSync(join(tmpdir(), 'headland-bulk-'));
  const database = openDatabase(join(dir, 'headland.db'));
  try {
    const store = new SampleStore(database, {
      maxPictureStoreBytes: 1e9,
      holdoutShare: 0.2,
      holdoutAfterSamples: 0,
    });
    const alikes = new LookAlikes(store, {
      groupWindowMs: WINDOW_MS,
      backboneChecksum: () => BACKBONE,
    });
    passes.forEach((pass, i) => {
      const anchor = keep(store, pass, i, { features: pass.features, number: 0 });
      if (arm.passes) for (const frame of pass.frames) keep(store, pass, i, frame);
      store.label(anchor, pass.photo.label, 'cli');
      const ids = alikes.of(anchor).map(({ sample }) => sample.id);
      if (arm.grouped && ids.length > 0) alikes.label(ids, pass.photo.label, 'cli');
      else for (const id of ids) store.label(id, pass.photo.label, 'cli');
    });
    return await judged(store, arm.weighed, engine, test);
  } finally {
    database.close();
    rmSync(dir, { recursive: true });
  }
}

function keep(store: SampleStore, pass: Pass, index: number, frame: Frame): string {
  const half = frame.number > FRAMES_PER_PASS / 2 ? 1 : 0;
  const { sample } = store.admit({
    jpeg: Buffer.from(`${pass.photo.path} ${frame.number}`),
    label: null,
    labelSource: null,
    group: sha256Hex(`${index} ${half}`).slice(0, 16),
    source: 'main',
    capturedAtMs: 1_700_000_000_000 + index * 100 * WINDOW_MS + frame.number * 6_000,
    dhash: '0'.repeat(16),
  });
  store.putFeatures([
    {
      sampleId: sample.id,
      backboneChecksum: BACKBONE,
      recipe: '',
      view: 0,
      features: frame.features,
    },
  ]);
  return sample.id;
}

async function judged(
  store: SampleStore,
  weighed: boolean,
  engine: OnnxFitEngine,
  test: { features: Float32Array; truth: string[] },
): Promise<Record<string, number | null>> {
  const { training, holdout, labels } = collect(readLabelled(store), {
    minLabels: 2,
    minLabelsPerClass: 2,
  });
  const [learnt, held] = [training, holdout].map((part) => presentOriginals(store, part, BACKBONE));
  const featureSize = learnt![0]!.length;
  const { clusters, ...plain } = assemble(store, training, labels, {
    key: BACKBONE,
    recipe: 'none',
    views: 0,
    featureSize,
  });
  const set = weighed && clusters ? { ...plain, clusters } : plain;
  const { recipe, novelty } = await fitHead(set, {
    learners: ['ridge', 'softmax', 'blend'],
    budgetMs: 0,
    classGaussians: true,
    engine,
  });
  const head = {
    ...headOf(recipe, { labels, featureSize, backboneChecksum: BACKBONE }),
    ...(recipe.gaussians && { novelty }),
  };
  const metrics = (rows: Float32Array, truth: string[]) =>
    labelledMetrics(headProbabilities(head, rows), labels, truth);
  const onTest = metrics(test.features, test.truth)!;
  const onHoldout = metrics(
    joined(held!),
    holdout.map(({ label }) => label),
  );
  const leaked = held!.filter((one, i) =>
    learnt!.some(
      (other, j) =>
        training[j]!.label === holdout[i]!.label && cosine(one, other) >= NEAR_DUPLICATE_COSINE,
    ),
  );
  return {
    labels: training.length + holdout.length,
    test_top1: onTest.accuracy,
    test_log_loss: onTest.logLoss,
    test_ece: onTest.ece,
    holdout_samples: holdout.length,
    holdout_top1: onHoldout?.accuracy ?? null,
    holdout_near_duplicates_of_training: leaked.length,
    left_out_log_loss: recipe.macroLogLoss,
  };
}

function joined(vectors: readonly Float32Array[]): Float32Array {
  const size = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * size);
  vectors.forEach((vector, i) => {
    all.set(vector, i * size);
  });
  return all;
}
