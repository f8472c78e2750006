import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import sharp from 'sharp';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { convertModel } from '../../src/backbone/convert.js';
import { augmentationRecipe, Embedder, featureChecksum } from '../../src/backbone/embedder.js';
import { OnnxEngine } from '../../src/backbone/engine-onnx.js';
import { configSchema } from '../../src/config/schema.js';
import { isHeadlandError } from '../../src/errors.js';
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
  const three = await one.embedViews(image, 3, augmentation, 7, 'sample-a');
  assert.equal(three.length, 3);
  assert.deepEqual(await one.embedViews(image, 3, augmentation, 7, 'sample-a'), three);
  assert.deepEqual(
    (await one.embedViews(image, 5, augmentation, 7, 'sample-a')).slice(0, 3),
    three,
  );
  assert.deepEqual(await one.embedView(image, 2, augmentation, 7, 'sample-a'), three[1]);
  assert.notDeepEqual(await one.embedViews(image, 3, augmentation, 8, 'sample-a'), three);
  assert.notDeepEqual(await one.embedViews(image, 3, augmentation, 7, 'sample-b'), three);
  assert.notDeepEqual(three[0], three[1]);
  assert.deepEqual(image.data, before);
});

test('what is no picture is refused', async (t) => {
  const one = await embedder(t);
  await assert.rejects(one.embedPicture(Buffer.from('text')), (error) =>
    isHeadlandError(error, 'HL_PICTURE_INVALID'),
  );
});

test('a recipe names the views: settings and seed count, how many views do not', () => {
  const recipe = augmentationRecipe(augmentation, 1);
  assert.match(recipe, /^[0-9a-f]{16}$/);
  const reordered = Object.fromEntries(Object.entries(augmentation).reverse());
  assert.equal(augmentationRecipe(reordered as typeof augmentation, 1), recipe);
  assert.equal(augmentationRecipe({ ...augmentation, views: 9 } as typeof augmentation, 1), recipe);
  assert.notEqual(augmentationRecipe(augmentation, 2), recipe);
  assert.notEqual(augmentationRecipe({ ...augmentation, zoom: 0.2 }, 1), recipe);
});
