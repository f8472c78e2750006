import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { cosine } from '../src/base/cosine.js';
import { silentLog } from '../src/base/log.js';
import { validateConfig } from '../src/config/load.js';
import type { Head } from '../src/head/head.js';
import { fitRidge } from '../src/head/learners/ridge.js';
import { headProbabilities } from '../src/head/score.js';
import { decodePicture } from '../src/vision/decode.js';
import { pixelsOf, withPicture } from '../src/vision/picture.js';
import { groceryPhotos, type Photo } from './support/grocery.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };
const TRAIN = 240;
/** Sides of the square JPEGs: the decoder scales the first by 1/2, the second by 1/4. */
const SIDES = [1_000, 1_500];

type Way = 'ours' | 'careful' | 'full';

/**
 * What scaling inside the JPEG decoder does to features and answers: photos enlarged to what large
 * cameras give, decoded as we do (the decoder scales as far as it can), carefully (half as far) and
 * in full before scaling; ridge heads from the official training part, answers on the test part.
 * Option: how many photos to learn from, by default 240, and of the other part two thirds as many.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const trained = Number(options.find((option) => /^\d+$/.test(option)) ?? TRAIN);
  const grocery = groceryPhotos();
  if (!grocery) throw new Error('the grocery photos are not there: set HEADLAND_SHARED');
  const cacheDir = userCacheDir();
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir } });
  const card = await preparedCard(config);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const size = backbone.inputSize;
  const scaled = (picture: Sharp, fast: boolean): Promise<Buffer> =>
    picture
      .resize(size, size, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: fast })
      .raw()
      .toBuffer();
  const decoders: Record<Way, (jpeg: Uint8Array) => Promise<Uint8Array>> = {
    ours: async (jpeg) => {
      return (await decodePicture(jpeg, { ...LIMITS, sizePixels: size, fit: 'squash' })).data;
    },
    careful: (jpeg) => withPicture(jpeg, LIMITS, (opened) => scaled(opened, false)),
    full: async (jpeg) => {
      const { data, width, height } = await withPicture(jpeg, LIMITS, pixelsOf);
      return scaled(sharp(data, { raw: { width, height, channels: 3 } }), true);
    },
  };
  const ways = Object.keys(decoders) as Way[];
  const figures: Record<string, unknown> = {};
  const train = every(grocery.photos, 'train', trained);
  const test = every(grocery.photos, 'test', Math.round((trained * 2) / 3));
  const labels = [...new Set(train.map(({ label }) => label))].sort();
  for (const side of SIDES) {
    const features: Record<Way, Float32Array[]> = { ours: [], careful: [], full: [] };
    const pixelDifference: Record<Way, number> = { ours: 0, careful: 0, full: 0 };
    for (const { path } of [...train, ...test]) {
      const jpeg = await sharp(readFileSync(join(grocery.folder, path)))
        .resize(side, side, { fit: 'fill', kernel: 'lanczos3' })
        .jpeg({ quality: 90 })
        .toBuffer();
      const full = await decoders.full(jpeg);
      for (const way of ways) {
        const data = new Uint8Array(await decoders[way](jpeg));
        pixelDifference[way] += meanDifference(data, full) / (train.length + test.length);
        features[way].push(await backbone.embed({ width: size, height: size, data }));
      }
    }
    const heads = Object.fromEntries(
      ways.map((way) => [way, headOf(features[way].slice(0, train.length), train, labels)]),
    ) as Record<Way, Head>;
    const tested = (way: Way) => features[way].slice(train.length);
    figures[`${side}x${side}`] = Object.fromEntries(
      ways.map((way) => [
        way,
        {
          accuracy: accuracy(heads[way], tested(way), test),
          accuracy_of_head_from_full: accuracy(heads.full, tested(way), test),
          pixel_difference_from_full: round(pixelDifference[way]),
          feature_cosine_with_full: round(
            mean(features[way].map((vector, i) => cosine(vector, features.full[i]!))),
          ),
        },
      ]),
    );
  }
  await backbone.close();
  return { backbone: card.name, train: train.length, test: test.length, ...figures };
}

/** So many photos of a split, evenly over all of it. */
function every(photos: readonly Photo[], split: Photo['split'], count: number): Photo[] {
  const all = photos.filter((photo) => photo.split === split);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
}

function headOf(features: Float32Array[], photos: readonly Photo[], labels: string[]): Head {
  const featureSize = features[0]!.length;
  const flat = new Float32Array(features.length * featureSize);
  for (const [row, vector] of features.entries()) flat.set(vector, row * featureSize);
  const groups = [...new Set(photos.map(({ group }) => group))];
  const fit = fitRidge(
    {
      features: flat,
      rows: photos.length,
      featureSize,
      classCount: labels.length,
      labels: Int32Array.from(photos, ({ label }) => labels.indexOf(label)),
      groups: Int32Array.from(photos, ({ group }) => groups.indexOf(group)),
      isView: new Uint8Array(photos.length),
    },
    { transform: 'none' },
  );
  const { weights, bias, transform } = fit;
  return {
    learner: 'ridge',
    labels,
    featureSize,
    weights,
    bias,
    transform,
    temperature: 1,
    backboneChecksum: '',
  };
}

function accuracy(head: Head, features: Float32Array[], photos: readonly Photo[]): number {
  const right = features.filter((vector, i) => {
    const probabilities = headProbabilities(head, vector);
    return head.labels[probabilities.indexOf(Math.max(...probabilities))] === photos[i]!.label;
  });
  return round(right.length / photos.length);
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return mean(Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
