import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import sharp from 'sharp';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { augmentationRecipe, Embedder, featureChecksum } from '../../src/backbone/embedder.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { configSchema } from '../../src/config/schema.js';
import { convertModel } from '../../src/models/convert-model.js';
import type { Fit } from '../../src/vision/image.js';
import { encodeModel, TINY_FEATURES, TINY_SIZE, tinyCard, tinyClassifier } from './support.js';

const { augmentation } = configSchema.parse({});
const limits = { maxBytes: 1_000_000, maxPixels: 1_000_000 };

async function embedder(t: TestContext, fit: Fit = 'squash'): Promise<Embedder> {
  const card = tinyCard();
  const model = convertModel(encodeModel(tinyClassifier()), card);
  const engine = await OnnxEngine.create({ card, model, checksum: 'c'.repeat(64), threads: 1 });
  t.after(() => engine.close());
  return new Embedder(engine, { fit, ...limits });
}

async function wideJpeg(): Promise<Uint8Array> {
  const { data, width, height } = drawCheckPicture(120);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(200, 100, { fit: 'fill' })
    .jpeg()
    .toBuffer();
}

test('a picture becomes features of what the backbone saw, with timings', async (t) => {
  const one = await embedder(t);
  const { features, image, decodeMs, forwardMs } = await one.embedPicture(await wideJpeg());
  assert.deepEqual(
    [image.width, image.height, features.length],
    [TINY_SIZE, TINY_SIZE, TINY_FEATURES],
  );
  assert.deepEqual(features, await one.backbone.embed(image));
  assert.ok(decodeMs > 0 && forwardMs > 0);
});

test('squash and crop see different things, and their features have different names', async (t) => {
  const [squash, crop] = [await embedder(t), await embedder(t, 'crop')];
  const jpeg = await wideJpeg();
  assert.notDeepEqual(
    (await squash.embedPicture(jpeg)).features,
    (await crop.embedPicture(jpeg)).features,
  );
  assert.equal(squash.checksum, squash.backbone.checksum);
  assert.notEqual(crop.checksum, squash.checksum);
  assert.equal(crop.checksum, featureChecksum(squash.checksum, 'crop'));
});

test('views depend on the seed, the sample and their number, and on nothing else', async (t) => {
  const one = await embedder(t);
  const { image } = await one.embedPicture(await wideJpeg());
  const before = image.data.slice();
  const view = (number: number, seed = 7, sampleId = 'sample-a', settings = augmentation) =>
    one.embedView(image, number, settings, seed, sampleId);
  const first = await view(1);
  assert.deepEqual(await view(1), first);
  assert.deepEqual(await view(1, 7, 'sample-a', { ...augmentation, views: 9 }), first);
  assert.notDeepEqual(await view(2), first);
  assert.notDeepEqual(await view(1, 8), first);
  assert.notDeepEqual(await view(1, 7, 'sample-b'), first);
  assert.deepEqual(image.data, before);
});

test('the last photometric views differ from geometric ones, the others stay as they were', async (t) => {
  const one = await embedder(t);
  const { image } = await one.embedPicture(await wideJpeg());
  const before = image.data.slice();
  const views = (changes: Partial<typeof augmentation>) =>
    Promise.all(
      [1, 2, 3, 4].map((view) =>
        one.embedView(image, view, { ...augmentation, views: 4, ...changes }, 7, 'sample-a'),
      ),
    );
  const geometric = await views({ photometricViews: 0 });
  const mixed = await views({ photometricViews: 2 });
  assert.deepEqual(mixed.slice(0, 2), geometric.slice(0, 2));
  for (const i of [2, 3]) assert.notDeepEqual(mixed[i], geometric[i]);
  assert.deepEqual(await views({ photometricViews: 2 }), mixed);
  const all = await views({ photometricViews: 9 });
  assert.notDeepEqual(all[0], geometric[0]);
  assert.deepEqual(all.slice(2), mixed.slice(2));
  const off = {
    gamma: 1,
    exposure: 0,
    colourTemperature: 0,
    blurPixels: 0,
    noiseLevels: 0,
    jpegQuality: 100,
  };
  assert.deepEqual(await views({ photometricViews: 4, ...off }), geometric);
  assert.deepEqual(image.data, before);
});

test('what is no picture is refused', async (t) => {
  const one = await embedder(t);
  await assert.rejects(one.embedPicture(Buffer.from('text')), (error) =>
    isHeadlandError(error, 'HL_PICTURE_INVALID'),
  );
});

test('a recipe names the views: settings and seed count, how many geometric views do not', () => {
  const geometric = { ...augmentation, photometricViews: 0 };
  const more = { ...geometric, views: 9 };
  assert.equal(augmentationRecipe(more, 1), augmentationRecipe(geometric, 1));
  const recipe = augmentationRecipe(augmentation, 1);
  assert.match(recipe, /^[0-9a-f]{16}$/);
  const reordered = Object.fromEntries(Object.entries(augmentation).reverse());
  assert.equal(augmentationRecipe(reordered as typeof augmentation, 1), recipe);
  assert.notEqual(augmentationRecipe({ ...augmentation, views: 9 }, 1), recipe);
  assert.notEqual(augmentationRecipe(augmentation, 2), recipe);
  assert.notEqual(augmentationRecipe({ ...augmentation, zoom: 0.2 }, 1), recipe);
});

test('a recipe without photometric views keeps the name that stores already hold', () => {
  // Of the default settings before there were photometric views; another name embeds all anew.
  const plain = { ...augmentation, photometricViews: 0 };
  assert.equal(augmentationRecipe(plain, 1), '57901d65eee90a14');
  assert.equal(augmentationRecipe({ ...plain, gamma: 3, jpegQuality: 50 }, 1), '57901d65eee90a14');
});

test('a recipe with photometric views counts their ranges and where they begin', () => {
  const of = (changes: Partial<typeof augmentation>) =>
    augmentationRecipe({ ...augmentation, views: 4, photometricViews: 2, ...changes }, 1);
  assert.notEqual(of({}), of({ photometricViews: 0 }));
  for (const changes of [
    { photometricViews: 1 },
    { views: 5 },
    { gamma: 1.5 },
    { exposure: 0.1 },
    { colourTemperature: 0.1 },
    { blurPixels: 1 },
    { noiseLevels: 1 },
    { jpegQuality: 80 },
  ]) {
    assert.notEqual(of(changes), of({}), JSON.stringify(changes));
  }
  assert.equal(of({ views: 5, photometricViews: 3 }), of({}), 'both begin after the second view');
});
