import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import ort from 'onnxruntime-node';
import { loadCard } from '../../src/backbone/card-folders.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { OnnxCodec, type OnnxModel } from '../../src/backbone/engines/onnx-proto.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { convertModel } from '../../src/models/convert-model.js';
import { pruneToFeatures } from '../../src/models/onnx/prune.js';
import {
  encodeModel,
  sharedDir,
  TINY_FEATURES,
  TINY_SIZE,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';

const options = { inputSize: TINY_SIZE, featureSize: TINY_FEATURES };
const invalid = (part: RegExp) => (error: unknown) =>
  isHeadlandError(error, 'HL_MODEL_ONNX_INVALID') && part.test(error.message);

const tapUnknown = (part: RegExp) => (error: unknown) =>
  isHeadlandError(error, 'HL_MODEL_TAP_UNKNOWN') && part.test(error.message);

const pixels = Float32Array.from({ length: 3 * TINY_SIZE ** 2 }, (_, i) => Math.cos(i));

async function run(model: OnnxModel, output: string): Promise<number[]> {
  const session = await ort.InferenceSession.create(encodeModel(model));
  const input = new ort.Tensor('float32', pixels, [1, 3, TINY_SIZE, TINY_SIZE]);
  const outputs = await session.run({ image: input });
  const values = [...(outputs[output]!.data as Float32Array)];
  await session.release();
  return values;
}

/** The values of an inner tensor, from the whole graph, without our pruning. */
async function inner(name: string): Promise<number[]> {
  const model = tinyClassifier();
  model.graph.output.push({ name, type: { tensorType: { elemType: 1 } } });
  return run(model, name);
}

const taps: [what: string, tap: string, pool: 'none' | 'average'][] = [
  ['a tensor N x d x 1 x 1', 'pooled', 'none'],
  ['a tensor N x d', 'flat', 'none'],
  ['a node by its name', 'pool_node', 'none'],
  ['a feature map that is still to be pooled', 'relu', 'average'],
];
for (const [what, tap, pool] of taps) {
  test(`tapping ${what} gives what the whole graph has there`, async () => {
    const pruned = pruneToFeatures(tinyClassifier(), { ...options, tap, pool });
    assert.deepEqual(await run(pruned, 'features'), await inner('flat'));
    assert.ok(pruned.graph.node.every((node) => node.opType !== 'Gemm'));
    assert.deepEqual(
      pruned.graph.initializer.map((tensor) => tensor.name),
      ['conv.w', 'conv.b'],
    );
  });
}

test('the batch becomes 1 and the output is named and sized', () => {
  const { graph } = pruneToFeatures(tinyClassifier(), { ...options, tap: 'flat', pool: 'none' });
  const dims = (info: (typeof graph.input)[number] | undefined) =>
    info?.type?.tensorType?.shape?.dim.map((dim) => dim.dimValue);
  assert.deepEqual(dims(graph.input[0]), [1, 3, TINY_SIZE, TINY_SIZE]);
  assert.equal(graph.output[0]?.name, 'features');
  assert.deepEqual(dims(graph.output[0]), [1, TINY_FEATURES]);
});

test('without a tap the only output is taken, also when it is called features already', async () => {
  const logits = await inner('logits');
  const named = tinyClassifier();
  named.graph.node.at(-1)!.output = ['features'];
  named.graph.output[0]!.name = 'features';
  for (const model of [tinyClassifier(), named]) {
    const pruned = pruneToFeatures(model, { ...options, featureSize: 4, tap: null, pool: 'none' });
    assert.deepEqual(await run(pruned, 'features'), logits);
  }
});

test('an inner tensor that is called features does not get in the way', async () => {
  const model = tinyClassifier();
  model.graph.node[1]!.output = ['features'];
  model.graph.node[2]!.input = ['features'];
  const pruned = pruneToFeatures(structuredClone(model), { ...options, tap: 'flat', pool: 'none' });
  assert.deepEqual(await run(pruned, 'features'), await inner('flat'));
  const tapped = pruneToFeatures(model, { ...options, tap: 'features', pool: 'average' });
  assert.deepEqual(await run(tapped, 'features'), await inner('flat'));
});

test('what does not fit the card is refused', () => {
  const prune =
    (changes: object, model = tinyClassifier()) =>
    () =>
      pruneToFeatures(model, { ...options, tap: 'flat', pool: 'none', ...changes });
  assert.throws(prune({ tap: 'nowhere' }), tapUnknown(/no tensor or node named "nowhere"/));
  assert.throws(prune({ inputSize: 32 }), invalid(/input is 16 x 16 pixels, not 32/));
  const two = tinyClassifier();
  two.graph.output.push({ name: 'flat' });
  assert.throws(prune({ tap: null }, two), tapUnknown(/2 outputs/));
});

test('what is not ONNX, or needs more than one file, is refused', () => {
  const codec = new OnnxCodec();
  assert.throws(() => codec.decode(Buffer.from('no model at all')), invalid(/./));
  assert.throws(() => codec.decode(new Uint8Array()), invalid(/no graph/));
  const external = tinyClassifier();
  external.graph.initializer[0]!.externalData = [{ key: 'location', value: '/etc/passwd' }];
  assert.throws(() => codec.decode(encodeModel(external)), invalid(/another file/));
});

test('writing and reading back keeps every byte', () => {
  const codec = new OnnxCodec();
  const bytes = codec.encode(tinyClassifier());
  assert.ok(Buffer.from(codec.encode(codec.decode(bytes))).equals(bytes));
});

test('the normalisation is part of what the checksum names', () => {
  const file = encodeModel(tinyClassifier());
  const one = convertModel(file, tinyCard());
  assert.ok(Buffer.from(one).equals(convertModel(file, tinyCard())));
  const other = tinyCard({ normalisation: { mean: [0, 0, 0], std: [255, 255, 255] } });
  assert.ok(!Buffer.from(one).equals(convertModel(file, other)));
});

test('a pruned MobileNetV2 gives the features of the file as it was', async (t) => {
  const models = sharedDir('models');
  if (models === null) return t.skip('../shared/models is absent');
  const file = await readFile(join(models, 'mobilenet-v2-imagenet.onnx'));
  const card = await loadCard('mobilenet-v2', null);
  const picture = drawCheckPicture(224);
  const engine = await OnnxEngine.create({
    card,
    model: convertModel(file, card),
    checksum: '',
    threads: 1,
  });
  t.after(() => engine.close());
  const plane = 224 * 224;
  const input = new Float32Array(3 * plane);
  picture.data.forEach((value, i) => {
    input[(i % 3) * plane + Math.floor(i / 3)] = (value - 128) / 128;
  });
  const session = await ort.InferenceSession.create(file);
  t.after(() => session.release());
  const whole = await session.run({ input: new ort.Tensor('float32', input, [1, 3, 224, 224]) });
  const wanted = whole.features?.data as Float32Array;
  const features = await engine.embed(picture);
  assert.equal(features.length, wanted.length);
  features.forEach((value, i) => {
    assert.ok(Math.abs(value - wanted[i]!) <= 1e-5, `feature ${i}: ${value}, not ${wanted[i]}`);
  });
});
