import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Embedder } from '../../src/backbone/embedder.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom } from '../../src/base/random.js';
import { classificationMetrics } from '../../src/head/metrics.js';
import { headProbabilities } from '../../src/head/score.js';
import { openQuantized } from '../../src/models/quantize/keep.js';
import type { QuantizedModel } from '../../src/models/quantize/quantize-backbone.js';
import { OnnxFitEngine } from '../../src/training/fit/fit-engine.js';
import { groceryPhotos } from './grocery.js';
import type { PeerProcess } from './peer-process.js';
import type { Features } from './photo-features.js';
import { embedAll } from './photo-features.js';
import { keptFeaturesFolder } from './places.js';
import { fitHead, type GroceryData, groceryData, mean, rowsOf, trainingSet } from './protocols.js';

const SIZES = [20, 50];
const SEEDS = 5;
const LEARNERS = ['ridge', 'blend'] as const;

/** In 32 bits, in our 8, and in LiteRT's where that is installed. */
type Kind = 'fp32' | 'int8' | 'litert';

/**
 * Top-1 (%) on the official test split, other shops, of heads learnt from 20 and 50 photos a class:
 * the same photos and learners on fp32 and on int8 features, 5 draws of the training photos.
 */
export async function int8Accuracy(
  card: ModelCard,
  made: QuantizedModel,
  cacheDir: string,
  litert: PeerProcess | null,
): Promise<Record<string, unknown>> {
  const found = groceryPhotos();
  if (!found) return { skipped: 'the grocery photos are not at ../shared/data (HEADLAND_SHARED)' };
  const { folder, photos } = found;
  const kinds: Kind[] = litert ? ['fp32', 'int8', 'litert'] : ['fp32', 'int8'];
  const data = {} as Record<Kind, GroceryData>;
  for (const kind of kinds) data[kind] = groceryData(photos, await featuresOf(kind));

  async function featuresOf(kind: Kind): Promise<Features> {
    if (kind === 'litert') {
      const file = join(cacheDir, 'litert.f32');
      await litert?.writeFeatures(
        photos.map(({ path }) => join(folder, path)),
        file,
      );
      return { featureSize: card.featureSize, features: readFloats(file) };
    }
    const backbone =
      kind === 'fp32'
        ? await openBackbone({ card, cacheDir, threads: 1, log: silentLog() })
        : await openQuantized(made);
    try {
      // Named by the model's checksum: made once for the same weights and ranges.
      const kept = join(featureFolder(), `${backbone.checksum.slice(0, 16)}-squash.f32`);
      if (existsSync(kept)) {
        return { featureSize: backbone.featureSize, features: readFloats(kept) };
      }
      const embedder = new Embedder(backbone, {
        fit: 'squash',
        maxBytes: 8_388_608,
        maxPixels: 25_000_000,
      });
      const read = photos.map(({ path }) => readFileSync(join(folder, path)));
      const embedded = await embedAll(embedder, read);
      writeFileSync(`${kept}.tmp`, embedded.features);
      renameSync(`${kept}.tmp`, kept);
      return embedded;
    } finally {
      await backbone.close();
    }
  }
  const holdout = photos.flatMap((photo, i) => (photo.split === 'test' ? [i] : []));
  const results: Record<string, unknown> = {};
  let worst = Number.NEGATIVE_INFINITY;
  const engine = await OnnxFitEngine.create(1);
  for (const learner of LEARNERS) {
    for (const size of SIZES) {
      const scores: Record<Kind, number[]> = { fp32: [], int8: [], litert: [] };
      for (let seed = 0; seed < SEEDS; seed++) {
        const rows = drawRows(data.fp32, photos, size, seed);
        for (const kind of kinds) {
          const { head } = await fitHead(engine, trainingSet(data[kind], rows), learner);
          const truth = Int32Array.from(holdout, (row) => data[kind].labels[row] as number);
          const probabilities = headProbabilities(head, rowsOf(data[kind], holdout));
          const metrics = classificationMetrics(probabilities, truth, data[kind].classes.length);
          scores[kind].push(100 * metrics.accuracy);
        }
      }
      const lost = (kind: Kind) => round(mean(scores.fp32) - mean(scores[kind]));
      worst = Math.max(worst, lost('int8'));
      process.stderr.write(`${learner}, ${size} photos a class: ${lost('int8')} points lost\n`);
      results[`${size}_${learner}`] = {
        fp32: round(mean(scores.fp32)),
        int8: round(mean(scores.int8)),
        lost: lost('int8'),
        ...(litert ? { lost_by_litert: lost('litert') } : {}),
        lost_by_seed: scores.fp32.map((score, i) => round(score - (scores.int8[i] as number))),
      };
    }
  }
  await engine.close();
  return { ...results, most_lost: round(worst), holdout_photos: holdout.length };
}

function readFloats(file: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(file)).buffer);
}

function featureFolder(): string {
  const folder = keptFeaturesFolder();
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** At most `size` training photos of each class. */
function drawRows(
  { classes, labels }: GroceryData,
  photos: readonly { split: string }[],
  size: number,
  seed: number,
): number[] {
  const random = createRandom(1_000 * size + seed);
  return classes.flatMap((_, c) => {
    const own = photos.flatMap(({ split }, i) => (split === 'train' && labels[i] === c ? [i] : []));
    for (let i = own.length - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [own[i], own[j]] = [own[j] as number, own[i] as number];
    }
    return own.slice(0, size);
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
