import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { STORED_FORMS, storedAs } from '../../bench/support/arm/stored-forms.js';
import { tfliteModel } from '../../bench/support/arm/tflite-model.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { OnnxCodec } from '../../src/backbone/engines/onnx-proto.js';
import { pullModel } from '../../src/models/pull-model.js';
import { quantizeBackbone } from '../../src/models/quantize/quantize-backbone.js';
import { efficientNetLiteToOnnx } from '../../src/models/torch/efficientnet-lite.js';
import { smallPictures, writeSmallCard } from '../backbone/small-network.js';
import { encodeModel, pullOptions } from '../backbone/support.js';
import { seededState } from '../models/seeded-lite.js';
import { temporaryFolder } from '../temporary-folder.js';

const SIZE = 64;
/** Sums are exact on every processor with weights that are limited for the worst one. */
const KERNELS = { dense: 'saturating', depthwise: 'exact' } as const;

async function made(t: Parameters<typeof temporaryFolder>[0]) {
  const dir = temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const card = writeSmallCard(join(dir, 'cards'));
  await pullModel(card, pullOptions(cacheDir));
  const pictures = smallPictures(32);
  const onProgress = (): void => {};
  const { model } = await quantizeBackbone({
    card,
    cacheDir,
    pictures,
    kernels: KERNELS,
    onProgress,
  });
  const features = async (bytes: Uint8Array) => {
    const engine = await OnnxEngine.create({ card, model: bytes, checksum: '', threads: 1 });
    const values = await engine.embed(pictures[0] as (typeof pictures)[0]);
    await engine.close();
    return values;
  };
  return { model, features };
}

test('every stored form computes the features of the others', async (t) => {
  const { model, features } = await made(t);
  const codec = new OnnxCodec();
  const reference = await features(model);
  const length = Math.hypot(...reference);
  for (const form of STORED_FORMS) {
    const stored = storedAs(codec.decode(model), form);
    const values = await features(codec.encode(stored));
    const error = Math.hypot(...values.map((value, i) => value - (reference[i] as number)));
    // One scale for all weights of a layer rounds them more coarsely.
    const limit = form.scales === 'per-channel' ? 0.005 : 0.2;
    assert.ok(error < limit * length, `${JSON.stringify(form)}: ${error / length}`);
    const types = stored.graph.initializer.filter(({ name }) => name.endsWith('.weights.levels'));
    assert.ok(types.length > 0);
    for (const { dataType } of types) assert.equal(dataType, form.weights === 'int8' ? 3 : 2);
  }
});

test('a model for TensorFlow Lite holds the same weights', () => {
  const architecture = 'efficientnet-lite0';
  const graph = efficientNetLiteToOnnx(seededState(architecture), architecture, SIZE);
  const source = new OnnxCodec().decode(encodeModel(graph));
  const written = Buffer.from(tfliteModel(source));
  assert.equal(written.toString('latin1', 4, 8), 'TFL3');
  const biases = source.graph.initializer.filter(({ name }) => name.endsWith('.b'));
  assert.equal(biases.length, 49);
  for (const { rawData } of biases) assert.ok(written.includes(Buffer.from(rawData ?? [])));
});

test('a model that TensorFlow Lite would pad in another way is refused', async (t) => {
  const { model } = await made(t);
  assert.throws(() => tfliteModel(new OnnxCodec().decode(model)), /padding/);
});
