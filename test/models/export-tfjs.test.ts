import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { before } from 'node:test';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { openTfjs, type Tfjs } from '../../src/backbone/engines/tfjs-library.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { openEngine } from '../../src/backbone/open-engine.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom } from '../../src/base/random.js';
import type { FeatureTransform, Head } from '../../src/head/head.js';
import { headProbabilities } from '../../src/head/score.js';
import { convertModel } from '../../src/models/convert-model.js';
import { exportAs } from '../../src/models/export/export-as.js';
import {
  drawnGaussians,
  encodeModel,
  TINY_FEATURES,
  TINY_SIZE,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';
import { distance, savedFiles, tfjsCard } from '../backbone/tfjs-support.js';
import { temporaryFolder } from '../temporary-folder.js';

const log = silentLog();
const LABELS = ['crop', 'stone', 'thistle', 'weed'];
const NORMALISATION = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
const PICTURES = [drawCheckPicture(TINY_SIZE), drawConstantPicture(TINY_SIZE, 200)];
let tf: Tfjs;
before(async () => {
  tf = (await openTfjs(log)).tf;
});

function someHead(transform: FeatureTransform, withGaussians = false): Head {
  const random = createRandom(5);
  return {
    learner: 'ridge',
    labels: LABELS,
    featureSize: TINY_FEATURES,
    backboneChecksum: 'c',
    transform,
    weights: Float32Array.from({ length: 4 * TINY_FEATURES }, () => random.uniform(-2, 2)),
    bias: Float32Array.from(LABELS, () => random.uniform(-1, 1)),
    temperature: 0.7,
    ...(withGaussians && drawnGaussians(TINY_FEATURES, LABELS.length, LABELS.length)),
  };
}

interface Cached {
  card: ModelCard;
  model: Uint8Array;
}

function fromOnnx(changes: object): Cached {
  const card = tinyCard({ normalisation: NORMALISATION, ...changes });
  return { card, model: convertModel(encodeModel(tinyClassifier()), card) };
}

async function fromLayers(): Promise<Cached> {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: 'map',
        inputShape: [TINY_SIZE, TINY_SIZE, 3],
        filters: TINY_FEATURES,
        kernelSize: 3,
        kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }),
      }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 3 }),
    ],
  });
  const files = await savedFiles(tf, model);
  const card = tfjsCard(files, {
    format: 'tfjs-layers-model',
    tap: 'map',
    pool: 'average',
    normalisation: NORMALISATION,
    featureSize: TINY_FEATURES,
  });
  const { 'model.json': json, ...shards } = files;
  return { card, model: convertModel(json!, card, new Map(Object.entries(shards))) };
}

/** Reads a folder as a program of another's making would. */
async function artifacts(dir: string) {
  const json = JSON.parse(await readFile(join(dir, 'model.json'), 'utf8'));
  const shards = json.weightsManifest.flatMap((group: { paths: string[] }) => group.paths);
  const parts = await Promise.all(shards.map((path: string) => readFile(join(dir, path))));
  const weightData = Uint8Array.from(Buffer.concat(parts)).buffer;
  const weightSpecs = json.weightsManifest.flatMap((group: { weights: object[] }) => group.weights);
  return { ...json, weightSpecs, weightData };
}

const EXPECTED: [string, () => Cached | Promise<Cached>, FeatureTransform[], number][] = [
  [
    'a graph',
    () => fromOnnx({ engine: 'tfjs', layout: 'NHWC-RGB' }),
    ['none', 'l2', 'sqrt', 'sqrt-l2'],
    1e-5,
  ],
  ['an ONNX backbone', () => fromOnnx({}), ['none', 'l2', 'sqrt', 'sqrt-l2'], 1e-5],
  ['a tf.layers model', fromLayers, ['none', 'l2'], 1e-5],
];
for (const [what, make, transforms, tolerance] of EXPECTED) {
  test(`${what} and a head become a folder that TensorFlow.js loads and that answers alike`, async (t) => {
    const { card, model } = await make();
    const engine = await openEngine({ card, model, checksum: 'c', threads: 1, log });
    t.after(() => engine.close());
    for (const transform of transforms) {
      const tensors = tf.memory().numTensors;
      const head = someHead(transform, what !== 'a tf.layers model' && transform === 'l2');
      const facts = { head: { version: 3 } };
      const exported = await exportAs('tfjs', model, head, { card, fit: 'crop', facts, log });
      const dir = join(temporaryFolder(t), 'weeds');
      await exported.write(dir);
      const read = await artifacts(dir);
      const load = async () => read;
      const { pixels, probabilities, features } = {
        pixels: exported.names.input,
        ...exported.names,
      };
      const graph = read.format === 'graph-model';
      const loaded = graph ? await tf.loadGraphModel({ load }) : await tf.loadLayersModel({ load });
      for (const [i, image] of PICTURES.entries()) {
        const own = await engine.embed(image);
        const expected = headProbabilities(head, own);
        const two = Float32Array.from([...image.data, ...image.data]);
        const answers = tf.tidy(() => {
          const input = tf.tensor4d(two, [2, TINY_SIZE, TINY_SIZE, 3]);
          const outputs =
            'execute' in loaded && graph
              ? loaded.execute({ [pixels]: input } as never, [probabilities, features])
              : (loaded as { predict(x: typeof input): unknown }).predict(input);
          return (outputs as (typeof input)[]).map((output) => output.dataSync() as Float32Array);
        }) as [Float32Array, Float32Array];
        // A batch of twice the same picture.
        for (const from of [0, LABELS.length]) {
          const part = answers[0].slice(from, from + LABELS.length);
          const off = distance(Float32Array.from(expected), part);
          assert.ok(off <= tolerance, `${transform}, picture ${i}: ${off} off`);
        }
        assert.ok(distance(answers[1].slice(0, TINY_FEATURES), own) <= 1e-4);
      }
      const told = read.userDefinedMetadata.headland;
      assert.deepEqual(told.labels, LABELS);
      assert.deepEqual(told.head, { version: 3 });
      assert.equal(told.preprocessing.fit, 'crop');
      assert.equal(told.preprocessing.layout, 'NHWC');
      loaded.dispose();
      const run = await exported.open();
      const answer = await run.run(PICTURES[0]!);
      assert.ok(Math.abs(answer.probabilities.reduce((a, b) => a + b) - 1) < 1e-5);
      await run.close();
      assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind');
    }
  });
}

test('what cannot be said in the wanted format is refused', async () => {
  const layers = await fromLayers();
  const options = { fit: 'squash' as const, log };
  await assert.rejects(
    exportAs('tfjs', layers.model, someHead('sqrt-l2'), { ...options, card: layers.card }),
    (error) => isHeadlandError(error, 'HL_EXPORT_TRANSFORM'),
  );
  await assert.rejects(
    exportAs('tfjs', layers.model, someHead('l2', true), { ...options, card: layers.card }),
    (error) => isHeadlandError(error, 'HL_EXPORT_TRANSFORM'),
  );
  await assert.rejects(
    exportAs('onnx', layers.model, someHead('none'), { ...options, card: layers.card }),
    (error) => isHeadlandError(error, 'HL_EXPORT_FORMAT'),
  );
  const graph = fromOnnx({ engine: 'tfjs', layout: 'NHWC-RGB' });
  const other = { ...someHead('none'), featureSize: TINY_FEATURES + 1 };
  await assert.rejects(
    exportAs('tfjs', graph.model, other, { ...options, card: graph.card }),
    (error) => isHeadlandError(error, 'HL_EXPORT_MISMATCH'),
  );
});

test('the same parts give the same files; a folder with something in it stays as it is', async (t) => {
  const { card, model } = fromOnnx({});
  const options = { card, fit: 'squash' as const, log };
  const exported = await exportAs('tfjs', model, someHead('l2'), options);
  const parent = temporaryFolder(t);
  await exported.write(join(parent, 'one'));
  await (await exportAs('tfjs', model, someHead('l2'), options)).write(join(parent, 'two'));
  for (const name of await readdir(join(parent, 'one'))) {
    const [one, two] = [join(parent, 'one', name), join(parent, 'two', name)];
    assert.deepEqual(await readFile(one), await readFile(two));
  }
  const taken = join(parent, 'taken');
  await mkdir(taken);
  await writeFile(join(taken, 'notes.txt'), 'mine');
  await assert.rejects(exported.write(taken), (e) => isHeadlandError(e, 'HL_EXPORT_NOT_EMPTY'));
  assert.deepEqual(await readdir(taken), ['notes.txt']);
  assert.deepEqual((await readdir(parent)).toSorted(), ['one', 'taken', 'two']);
});
