import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { TfjsBackbone } from '../../src/backbone/engines/engine-tfjs.js';
import type { Tfjs, TfjsBackend } from '../../src/backbone/engines/tfjs-library.js';
import { tfjsFiles } from '../../src/backbone/engines/tfjs-model.js';
import { silentLog } from '../../src/base/log.js';
import { convertModel } from '../../src/models/convert-model.js';
import { onnxToTfjs } from '../../src/models/tfjs/tfjs-from-onnx.js';
import { efficientNetLiteToOnnx } from '../../src/models/torch/efficientnet-lite.js';
import { hasCode } from '../errors.js';
import { seededState } from '../models/seeded-lite.js';
import { encodeModel, TINY_FEATURES, TINY_SIZE, tinyCard } from './support.js';
import { distance, kerasLite0, openBackends, savedFiles, tfjsCard } from './tfjs-support.js';

let tf: Tfjs;
let backends: TfjsBackend[];
before(async () => {
  const opened = await openBackends();
  backends = opened.map(({ backend }) => backend);
  tf = opened.at(-1)!.tf;
});

/** Converts files as a pull does and opens them on a backend. */
function open(files: Record<string, Uint8Array>, card: ReturnType<typeof tfjsCard>, on = backends) {
  const { 'model.json': json, ...shards } = files;
  const model = convertModel(json!, card, new Map(Object.entries(shards)));
  const options = { card, model, checksum: 'c', log: silentLog() };
  return TfjsBackbone.create({ ...options, backends: on });
}

test('a network written in Keras, its graph and its ONNX give the same features on every backend', async (t) => {
  // Odd, so that padding "same" is not symmetric everywhere.
  const size = 65;
  const state = seededState('efficientnet-lite0');
  const onnx = efficientNetLiteToOnnx(state, 'efficientnet-lite0', size);
  const common = { inputSize: size, featureSize: 1280 };
  const reference = await OnnxEngine.create({
    card: tinyCard({ ...common, tap: null }),
    model: encodeModel(onnx),
    checksum: 'c',
    threads: 1,
  });
  t.after(() => reference.close());
  const picture = drawCheckPicture(size);
  const expected = await reference.embed(picture);
  assert.ok(Math.max(...expected) > 0.1, 'features are not all small');

  const keras = kerasLite0(tf, state, size);
  const layers = await savedFiles(tf, keras);
  keras.dispose();
  const graph = tfjsFiles(onnxToTfjs(onnx), 1_000_000);
  assert.ok(Object.keys(graph).length > 3, 'the graph has several shards');
  const models = {
    layers: [layers, { format: 'tfjs-layers-model', tap: 'features', ...common }],
    graph: [graph, { format: 'tfjs-graph-model', tap: 'features', ...common }],
  } as const;
  for (const [name, [files, changes]] of Object.entries(models)) {
    for (const backend of backends) {
      const engine = await open(files, tfjsCard(files, changes), [backend]);
      const features = await engine.embed(picture);
      const off = distance(features, expected);
      t.diagnostic(`${name} on ${backend}: ${off}`);
      assert.ok(off <= 1e-3, `${name} on ${backend} is ${off} off`);
      assert.match(engine.engine, /^tfjs: tfjs-/);
      await engine.close();
    }
  }
});

/** Convolution, ReLU and a classifier, as a GraphDef written by hand: nothing is fused. */
function handWritten(): Record<string, Uint8Array> {
  const [conv, bias, fc, unused] = [
    ...[TINY_FEATURES * 27, TINY_FEATURES, TINY_FEATURES * 4, 3].map((count, k) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(0.7 * i + k)),
    ),
  ] as [Float32Array, Float32Array, Float32Array, Float32Array];
  const float = { type: 'DT_FLOAT' };
  const constant = (name: string) => ({ name, op: 'Const', attr: { dtype: float } });
  const text = (s: string) => ({ s: Buffer.from(s).toString('base64') });
  const topology = {
    node: [
      {
        name: 'image',
        op: 'Placeholder',
        attr: {
          dtype: float,
          shape: { shape: { dim: [-1, 16, 16, 3].map((size) => ({ size: String(size) })) } },
        },
      },
      ...['w', 'b', 'fc', 'unused'].map(constant),
      { name: 'axes', op: 'Const', attr: { dtype: { type: 'DT_INT32' } } },
      {
        name: 'conv',
        op: 'Conv2D',
        input: ['image', 'w'],
        attr: {
          T: float,
          strides: { list: { i: ['1', '2', '2', '1'] } },
          dilations: { list: { i: ['1', '1', '1', '1'] } },
          padding: text('VALID'),
          data_format: text('NHWC'),
        },
      },
      { name: 'biased', op: 'BiasAdd', input: ['conv:0', 'b'], attr: { T: float } },
      { name: 'map', op: 'Relu', input: ['biased'], attr: { T: float } },
      { name: 'pooled', op: 'Mean', input: ['map', 'axes'], attr: { keep_dims: { b: false } } },
      { name: 'logits', op: 'MatMul', input: ['pooled', 'fc'], attr: { T: float } },
    ],
  };
  const weights = [
    { name: 'w', shape: [3, 3, 3, TINY_FEATURES], dtype: 'float32' },
    { name: 'b', shape: [TINY_FEATURES], dtype: 'float32' },
    { name: 'fc', shape: [TINY_FEATURES, 4], dtype: 'float32' },
    { name: 'unused', shape: [3], dtype: 'float32' },
    { name: 'axes', shape: [2], dtype: 'int32' },
  ];
  const parts = [conv, bias, fc, unused, Int32Array.of(1, 2)];
  const json = {
    format: 'graph-model',
    modelTopology: topology,
    weightsManifest: [{ paths: ['deep/all.bin'], weights }],
  };
  return {
    'model.json': Buffer.from(JSON.stringify(json)),
    'deep/all.bin': Buffer.concat(parts.map((part) => Buffer.from(part.buffer))),
  };
}

test('a graph is tapped at a node, pooled when the card says so, and cut there', async () => {
  const files = handWritten();
  const card = (changes: object) =>
    tfjsCard(files, { format: 'tfjs-graph-model', featureSize: TINY_FEATURES, ...changes });
  const picture = drawCheckPicture(TINY_SIZE);
  const pooled = await open(files, card({ tap: 'pooled' }));
  const map = await open(files, card({ tap: 'map', pool: 'average' }));
  const features = await pooled.embed(picture);
  assert.ok(distance(features, await map.embed(picture)) < 1e-6);
  const logits = await open(files, card({ tap: null, featureSize: 4 }));
  assert.equal((await logits.embed(picture)).length, 4);
  for (const engine of [pooled, map, logits]) await engine.close();

  const { 'model.json': json, ...shards } = files;
  const bytes = new Map(Object.entries(shards));
  const cut = convertModel(json!, card({ tap: 'pooled' }), bytes);
  assert.ok(!Buffer.from(cut).includes('"unused"') && !Buffer.from(cut).includes('"logits"'));
  assert.throws(
    () => convertModel(json!, card({ tap: 'nowhere' }), bytes),
    hasCode('HL_MODEL_TFJS_INVALID', /nowhere/),
  );
  assert.throws(
    () => convertModel(json!, card({ format: 'tfjs-layers-model' }), bytes),
    hasCode('HL_MODEL_TFJS_INVALID', /graph-model/),
  );
  await assert.rejects(
    open(files, card({ tap: 'map' })).then((engine) => engine.embed(picture)),
    hasCode('HL_BACKBONE_OUTPUT_INVALID', /294/),
  );
});

/** One convolution in tf.layers, with a classifier behind its pooled features. */
async function smallLayers(broken = false): Promise<Record<string, Uint8Array>> {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: 'map',
        inputShape: [TINY_SIZE, TINY_SIZE, 3],
        filters: TINY_FEATURES,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }),
        biasInitializer: tf.initializers.constant({ value: broken ? Number.NaN : 0.1 }),
      }),
      tf.layers.globalAveragePooling2d({ name: 'pooled' }),
      tf.layers.dense({ name: 'classes', units: 3 }),
    ],
  });
  const files = await savedFiles(tf, model, 1);
  model.dispose();
  return files;
}

const layersCard = (files: Record<string, Uint8Array>, changes: object = {}) =>
  tfjsCard(files, {
    format: 'tfjs-layers-model',
    tap: 'pooled',
    featureSize: TINY_FEATURES,
    ...changes,
  });

test('a thousand pictures leave no tensor behind, and a closed engine none at all', async () => {
  const files = await smallLayers();
  for (const backend of backends) {
    const before = tf.memory().numTensors;
    const engine = await open(files, layersCard(files), [backend]);
    const picture = drawCheckPicture(TINY_SIZE);
    const first = await engine.embed(picture);
    const loaded = tf.memory().numTensors;
    for (let i = 0; i < 1_000; i++) await engine.embed(picture);
    assert.equal(tf.memory().numTensors, loaded, backend);
    assert.deepEqual(await engine.embed(picture), first);
    await engine.close();
    await engine.close();
    assert.equal(tf.memory().numTensors, before, backend);
    await assert.rejects(engine.embed(picture), hasCode('HL_BACKBONE_CLOSED', /closed/));
  }
});

test('calls that overlap get each their own features, whoever else uses TensorFlow.js', async (t) => {
  const files = await smallLayers();
  const engines: TfjsBackbone[] = [];
  for (const backend of backends) engines.push(await open(files, layersCard(files), [backend]));
  t.after(() => Promise.all(engines.map((engine) => engine.close())));
  const pictures = [10, 90, 200].map((value) => drawConstantPicture(TINY_SIZE, value));
  const together = await Promise.all(
    pictures.flatMap((picture) => engines.map((engine) => engine.embed(picture))),
  );
  for (const [i, features] of together.entries()) {
    const picture = pictures[Math.floor(i / engines.length)]!;
    assert.deepEqual(features, await engines[i % engines.length]!.embed(picture));
    assert.ok(distance(features, together[i - (i % engines.length)]!) < 1e-5);
  }
  assert.notDeepEqual(together[0], together[engines.length]);
});

test('what a card or a model has wrong is said', async () => {
  const files = await smallLayers();
  const picture = drawCheckPicture(TINY_SIZE);
  await assert.rejects(
    open(files, layersCard(files, { tap: 'nowhere' })),
    hasCode('HL_MODEL_TFJS_INVALID', /nowhere/),
  );
  const other = await open(files, layersCard(files, { featureSize: 5 }));
  await assert.rejects(other.embed(picture), hasCode('HL_BACKBONE_OUTPUT_INVALID', /6 features/));
  await assert.rejects(
    other.embed(drawCheckPicture(TINY_SIZE + 1)),
    hasCode('HL_BACKBONE_INPUT_SIZE', /17 x 17/),
  );
  await other.close();
  const larger = await open(files, layersCard(files, { inputSize: 20 }));
  await assert.rejects(larger.embed(drawCheckPicture(20)), hasCode('HL_MODEL_TFJS_INVALID', /run/));
  await larger.close();
  const broken = await smallLayers(true);
  const nan = await open(broken, layersCard(broken));
  await assert.rejects(nan.embed(picture), hasCode('HL_BACKBONE_OUTPUT_INVALID', /not finite/));
  await nan.close();
});
