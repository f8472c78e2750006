import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import sharp from 'sharp';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { Embedder } from '../../src/backbone/embedder.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { OnnxCodec } from '../../src/backbone/engines/onnx-proto.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { createRandom } from '../../src/base/random.js';
import type { FeatureTransform, Head } from '../../src/head/head.js';
import { headProbabilities } from '../../src/head/score.js';
import { convertModel } from '../../src/models/convert-model.js';
import { ExportedModel } from '../../src/models/export/export-run.js';
import { joinHead } from '../../src/models/export/join-head.js';
import type { RgbImage } from '../../src/vision/image.js';
import {
  drawnGaussians,
  encodeModel,
  TINY_FEATURES,
  TINY_SIZE,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';

const card = tinyCard({
  normalisation: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
});
const backbone = convertModel(encodeModel(tinyClassifier()), card);

function someHead(transform: FeatureTransform): Head {
  const random = createRandom(5);
  const labels = ['crop', 'stone', 'thistle', 'weed'];
  return {
    learner: 'ridge',
    labels,
    featureSize: TINY_FEATURES,
    backboneChecksum: 'c',
    transform,
    weights: Float32Array.from({ length: 4 * TINY_FEATURES }, () => random.uniform(-2, 2)),
    bias: Float32Array.from(labels, () => random.uniform(-1, 1)),
    temperature: 0.7,
  };
}

async function daemon(t: TestContext): Promise<Embedder> {
  const engine = await OnnxEngine.create({ card, model: backbone, checksum: 'c', threads: 1 });
  t.after(() => engine.close());
  return new Embedder(engine, { fit: 'squash', maxBytes: 1e6, maxPixels: 1e6 });
}

function noise(seed: number): RgbImage {
  const random = createRandom(seed);
  const data = Uint8Array.from({ length: TINY_SIZE * TINY_SIZE * 3 }, () => random.int(256));
  return { width: TINY_SIZE, height: TINY_SIZE, data };
}

const HEADS: [string, Head][] = [
  ...(['none', 'l2', 'sqrt', 'sqrt-l2'] as const).map((transform): [string, Head] => [
    `transform ${transform}`,
    someHead(transform),
  ]),
  ['one Gaussian shape', { ...someHead('l2'), ...drawnGaussians(TINY_FEATURES, 4, 1) }],
  ['a Gaussian per class', { ...someHead('none'), ...drawnGaussians(TINY_FEATURES, 4, 4) }],
];
for (const [what, head] of HEADS) {
  test(`one file answers as the daemon does, ${what}`, async (t) => {
    const { model, names } = joinHead(backbone, head, { card, fit: 'squash' });
    const exported = await ExportedModel.open(model, names);
    t.after(() => exported.close());
    const embedder = await daemon(t);
    const seen = new Set<number>();
    for (const picture of [
      drawCheckPicture(TINY_SIZE),
      drawConstantPicture(TINY_SIZE, 0),
      noise(1),
      noise(2),
    ]) {
      const { width, height, data } = picture;
      const png = await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      const { features, image } = await embedder.embedPicture(png);
      const expected = headProbabilities(head, features);
      const { probabilities, features: own } = await exported.run(image);
      assert.equal(probabilities.length, 4);
      expected.forEach((p, c) => {
        assert.ok(Math.abs(p - (probabilities[c] as number)) <= 1e-5, `${p} ${probabilities[c]}`);
      });
      assert.ok(own.every((f, i) => Math.abs(f - (features[i] as number)) <= 1e-4));
      seen.add(Math.round((probabilities[0] as number) * 1e6));
    }
    assert.ok(seen.size > 1, 'pictures get different answers');
  });
}

test('a row of zeros stays finite under l2', async (t) => {
  const dark = tinyClassifier(0);
  const zeros = convertModel(encodeModel(dark), card);
  const head = someHead('sqrt-l2');
  const { model, names } = joinHead(zeros, head, { card, fit: 'squash' });
  const exported = await ExportedModel.open(model, names);
  t.after(() => exported.close());
  const { probabilities } = await exported.run(noise(3));
  const expected = headProbabilities(head, new Float32Array(TINY_FEATURES));
  for (const [c, p] of expected.entries()) {
    assert.ok(Math.abs(p - (probabilities[c] as number)) <= 1e-5);
  }
});

test('labels, preprocessing and licence stand in the file; the same parts give the same bytes', () => {
  const head = someHead('sqrt');
  const join = () =>
    joinHead(backbone, head, { card, fit: 'crop', facts: { head: { version: 3 } } });
  const { model, names } = join();
  assert.deepEqual(model, join().model);
  const read = new OnnxCodec().decode(model);
  const facts = Object.fromEntries(
    read.metadataProps.map(({ key, value }) => [key, JSON.parse(value)]),
  );
  assert.equal(new Set(read.metadataProps.map(({ key }) => key)).size, read.metadataProps.length);
  assert.deepEqual(facts['headland.labels'], head.labels);
  assert.deepEqual(facts['headland.head'], { version: 3 });
  assert.equal(facts['headland.preprocessing'].size, TINY_SIZE);
  assert.equal(facts['headland.preprocessing'].fit, 'crop');
  assert.equal(facts['headland.preprocessing'].input, names.input);
  assert.equal(facts['headland.backbone'].licence, 'CC0-1.0');
  assert.deepEqual(
    read.graph.output.map(({ name }) => name),
    ['probabilities', 'features'],
  );
});

test('names that the backbone uses itself are left to it', async (t) => {
  const own = new OnnxCodec().decode(backbone);
  const rename = (from: string, to: string) => {
    for (const node of own.graph.node) {
      node.input = node.input.map((name) => (name === from ? to : name));
      node.output = node.output.map((name) => (name === from ? to : name));
    }
    for (const value of own.graph.input) if (value.name === from) value.name = to;
  };
  rename('image', 'pixels');
  rename('conv', 'probabilities');
  const head = someHead('none');
  const { model, names } = joinHead(encodeModel(own), head, { card, fit: 'squash' });
  assert.equal(names.input, 'pixels_2');
  assert.equal(names.probabilities, 'probabilities_2');
  const exported = await ExportedModel.open(model, names);
  t.after(() => exported.close());
  const sum = (await exported.run(noise(4))).probabilities.reduce((a, b) => a + b);
  assert.ok(Math.abs(sum - 1) < 1e-5);
});

test('a head of another size or a graph that is too old is refused', () => {
  const other = { ...someHead('none'), featureSize: TINY_FEATURES + 1 };
  assert.throws(
    () => joinHead(backbone, other, { card, fit: 'squash' }),
    (error) => isHeadlandError(error, 'HL_EXPORT_MISMATCH'),
  );
  const old = tinyClassifier();
  old.opsetImport = [{ domain: '', version: 8 }];
  assert.throws(
    () => joinHead(encodeModel(old), someHead('none'), { card, fit: 'squash' }),
    (error) => isHeadlandError(error, 'HL_EXPORT_OPSET'),
  );
});
