import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Backbone } from '../src/backbone/backbone.js';
import { openTfjs, type TfjsBackend } from '../src/backbone/engines/tfjs-library.js';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { validateConfig } from '../src/config/load.js';
import { fitTfLayers } from '../src/training/fit/tf-learner.js';
import { decodePicture } from '../src/vision/decode.js';
import type { RgbImage } from '../src/vision/image.js';
import { groceryPhotos } from './support/grocery.js';
import { sharedMirrors, userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { syntheticSet } from './support/synthetic.js';
import { openTfjsTwins } from './support/tfjs-backbones.js';

/** JavaScript needs seconds a picture. */
const SLOW_ROUNDS = 2;
const TRAINING = { rows: 400, learningRates: [1e-3], maxEpochs: 5 };

interface Figures {
  engine: string;
  /** Greatest difference of a feature from ONNX Runtime's, over all photos. */
  greatest_difference: number;
  /** Greatest feature of ONNX Runtime's. */
  greatest_feature: number;
  /** Median of a forward pass, input and output included. */
  forward_ms: number;
  /** Of ONNX Runtime's median in the same rounds. */
  ratio_to_onnx: number;
  /** tf.layers recipe: 400 rows, 4 folds, at most 5 epochs. */
  training_ms: number | null;
}

/**
 * The default backbone's features and forward passes on TensorFlow.js against ONNX Runtime, same
 * weights, on ten photos, engines turn by turn; and a short training of the tf.layers recipe.
 *   HEADLAND_TFJS_NODE=DIR npm run -s bench -- tfjs [--backbone NAME] [--photos N] [--rounds N]
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: {
      backbone: { type: 'string', default: 'efficientnet-lite0-288' },
      photos: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '30' },
    },
  });
  const cacheDir = userCacheDir();
  const config = validateConfig({
    paths: { cacheDir, stateDir: cacheDir },
    models: { mirrors: sharedMirrors() },
  });
  const card = await preparedCard(config, values.backbone);
  const onnx = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const twins = await openTfjsTwins(card, cacheDir);
  const pictures = await readPictures(card.inputSize, Number(values.photos));
  const engines: Record<string, Figures> = {};
  for (const { backend, backbone } of twins) {
    const rounds = backend === 'cpu' ? SLOW_ROUNDS : Number(values.rounds);
    engines[backend] = {
      engine: backbone.engine,
      ...(await compare(onnx, backbone, pictures)),
      ...(await time(onnx, backbone, pictures, rounds)),
      training_ms: backend === 'cpu' ? null : await train(backend),
    };
  }
  return { backbone: card.name, onnx: onnx.engine, photos: pictures.length, engines };
}

async function readPictures(size: number, count: number): Promise<RgbImage[]> {
  const grocery = groceryPhotos();
  if (grocery === null) throw new Error('the grocery photos are not there: set HEADLAND_SHARED');
  const { folder, photos } = grocery;
  const step = Math.floor(photos.length / count);
  const limits = { maxBytes: 1e7, maxPixels: 1e8 };
  return Promise.all(
    photos
      .filter((_, i) => i % step === 0)
      .slice(0, count)
      .map(({ path }) => {
        const bytes = readFileSync(join(folder, path));
        return decodePicture(bytes, { sizePixels: size, fit: 'squash', ...limits });
      }),
  );
}

async function compare(onnx: Backbone, other: Backbone, pictures: readonly RgbImage[]) {
  let difference = 0;
  let feature = 0;
  for (const picture of pictures) {
    const expected = await onnx.embed(picture);
    const features = await other.embed(picture);
    for (const [i, value] of expected.entries()) {
      difference = Math.max(difference, Math.abs(value - (features[i] as number)));
      feature = Math.max(feature, value);
    }
  }
  return { greatest_difference: difference, greatest_feature: feature };
}

async function time(
  onnx: Backbone,
  other: Backbone,
  pictures: readonly RgbImage[],
  rounds: number,
) {
  const took = new Map<Backbone, number[]>([
    [onnx, []],
    [other, []],
  ]);
  for (let round = 0; round < rounds; round++) {
    const picture = pictures[round % pictures.length] as RgbImage;
    for (const [backbone, times] of took) {
      const startMs = performance.now();
      await backbone.embed(picture);
      times.push(performance.now() - startMs);
    }
  }
  const forwardMs = median(took.get(other) as number[]);
  return { forward_ms: forwardMs, ratio_to_onnx: forwardMs / median(took.get(onnx) as number[]) };
}

async function train(backend: TfjsBackend): Promise<number> {
  const engine = await openTfjs(silentLog(), [backend]);
  const { rows, ...settings } = TRAINING;
  const set = syntheticSet(rows);
  const options = { transform: 'none' as const, engine, ...settings };
  await fitTfLayers(set, { ...options, maxEpochs: 1 });
  const startMs = performance.now();
  await fitTfLayers(set, options);
  return performance.now() - startMs;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
