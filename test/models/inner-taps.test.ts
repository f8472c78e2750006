import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { TfjsBackbone } from '../../src/backbone/engines/engine-tfjs.js';
import type { OnnxModel } from '../../src/backbone/engines/onnx-proto.js';
import { parseCard } from '../../src/backbone/model-card.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { convertModel } from '../../src/models/convert-model.js';
import { pruneToFeatures } from '../../src/models/onnx/prune.js';
import { pullModel } from '../../src/models/pull-model.js';
import { openQuantized } from '../../src/models/quantize/keep.js';
import { probeIntegerKernels } from '../../src/models/quantize/kernels.js';
import { quantizeBackbone } from '../../src/models/quantize/quantize-backbone.js';
import { efficientNetLiteToOnnx } from '../../src/models/torch/efficientnet-lite.js';
import { SMALL_FEATURES, smallPictures, writeSmallCard } from '../backbone/small-network.js';
import {
  encodeModel,
  pullOptions,
  TINY_FEATURES,
  TINY_SIZE,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';
import { distance, openBackends } from '../backbone/tfjs-support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { seededState } from './seeded-lite.js';

const log = silentLog();

/** Runs a graph on made-up pixels with inner tensors as further outputs. */
async function run(
  model: OnnxModel,
  size: number,
  names: readonly string[],
): Promise<Record<string, { dims: readonly number[]; data: Float32Array }>> {
  for (const name of names) {
    if (model.graph.output.some((output) => output.name === name)) continue;
    model.graph.output.push({ name, type: { tensorType: { elemType: 1 } } });
  }
  const session = await ort.InferenceSession.create(encodeModel(model));
  const pixels = Float32Array.from({ length: 3 * size ** 2 }, (_, i) => Math.cos(i));
  const input = new ort.Tensor('float32', pixels, [1, 3, size, size]);
  const outputs = await session.run({ [session.inputNames[0] as string]: input }, [...names]);
  const found = Object.fromEntries(
    names.map((name) => {
      const { dims, data } = outputs[name] as ort.Tensor;
      return [name, { dims, data: Float32Array.from(data as Float32Array) }];
    }),
  );
  await session.release();
  return found;
}

/** Mean of every channel, computed here. */
function averaged({ dims, data }: { dims: readonly number[]; data: Float32Array }): number[] {
  const channels = dims[1] as number;
  const places = data.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    const own = data.subarray(c * places, (c + 1) * places);
    return own.reduce((sum, value) => sum + value, 0) / places;
  });
}

/** Of the tiny network: what can be tapped, and how many features that gives. */
const TAPS = [
  { tap: 'flat', pool: 'none', featureSize: TINY_FEATURES },
  { tap: 'pooled', pool: 'none', featureSize: TINY_FEATURES },
  { tap: 'logits', pool: 'none', featureSize: 4 },
  { tap: 'relu', pool: 'average', featureSize: TINY_FEATURES },
  { tap: 'conv_node', pool: 'average', featureSize: TINY_FEATURES },
] as const;

test('features of all taps stand behind each other, in the order of the card', async () => {
  const whole = await run(tinyClassifier(), TINY_SIZE, ['flat', 'logits', 'relu', 'conv']);
  const expected: Record<string, number[]> = {
    flat: [...(whole.flat?.data ?? [])],
    pooled: [...(whole.flat?.data ?? [])],
    logits: [...(whole.logits?.data ?? [])],
    relu: averaged(whole.relu as never),
    conv_node: averaged(whole.conv as never),
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...TAPS), { minLength: 2, maxLength: 5 }),
      async (taps) => {
        const [first, ...innerTaps] = taps as [(typeof TAPS)[number], ...typeof taps];
        const scales = taps.map((_, i) => (i === 0 ? 1 : [1, 0.25, 3][i % 3]!));
        const featureSize = taps.reduce((sum, tap) => sum + tap.featureSize, 0);
        const scaled = innerTaps.map((tap, i) => ({ ...tap, scale: scales[i + 1]! }));
        const options = { ...first, innerTaps: scaled, featureSize, inputSize: TINY_SIZE };
        const pruned = pruneToFeatures(tinyClassifier(), options);
        assert.equal(pruned.graph.output.length, 1);
        const { features } = await run(pruned, TINY_SIZE, ['features']);
        const wanted = taps.flatMap(({ tap }, i) =>
          expected[tap]!.map((value) => value * scales[i]!),
        );
        assert.equal(features?.data.length, featureSize);
        wanted.forEach((value, i) => {
          assert.ok(Math.abs(value - (features?.data[i] as number)) < 1e-5, `feature ${i}`);
        });
      },
    ),
    { numRuns: 25 },
  );
});

test('EfficientNet-Lite0 with block 14 keeps its 1,280 features and adds 192', async () => {
  const build = () =>
    efficientNetLiteToOnnx(seededState('efficientnet-lite0'), 'efficientnet-lite0', 64);
  const inner = { tap: '_blocks.14.sum', pool: 'average' } as const;
  const whole = await run(build(), 64, ['features', inner.tap]);
  const pruned = pruneToFeatures(build(), {
    tap: null,
    pool: 'none',
    innerTaps: [inner],
    inputSize: 64,
    featureSize: 1_472,
  });
  const { features } = await run(pruned, 64, ['features']);
  const wanted = [...(whole.features?.data ?? []), ...averaged(whole[inner.tap] as never)];
  assert.equal(wanted.length, 1_472);
  wanted.forEach((value, i) => {
    assert.ok(Math.abs(value - (features?.data[i] as number)) < 1e-4, `feature ${i}`);
  });
});

const twoTaps = {
  innerTaps: [{ tap: 'conv', pool: 'average', featureSize: TINY_FEATURES, scale: 0.5 }],
  featureSize: 2 * TINY_FEATURES,
};

test('TensorFlow.js computes the same features of two taps', async (t) => {
  const file = encodeModel(tinyClassifier());
  const onnxCard = tinyCard(twoTaps);
  const model = convertModel(file, onnxCard);
  const reference = await OnnxEngine.create({ card: onnxCard, model, checksum: '', threads: 1 });
  t.after(() => reference.close());
  const card = tinyCard({ ...twoTaps, engine: 'tfjs', layout: 'NHWC-RGB' });
  for (const { backend } of await openBackends()) {
    const options = { card, model: convertModel(file, card), checksum: '', log };
    const engine = await TfjsBackbone.create({ ...options, backends: [backend] });
    for (const picture of [drawCheckPicture(TINY_SIZE), drawConstantPicture(TINY_SIZE, 9)]) {
      const off = distance(await engine.embed(picture), await reference.embed(picture));
      assert.ok(off <= 1e-5, `${backend} is ${off} off`);
    }
    await engine.close();
  }
});

test('a backbone of two taps can be made 8-bit', async (t) => {
  const dir = temporaryFolder(t);
  const one = writeSmallCard(dir);
  const card = parseCard(
    {
      ...one,
      name: 'small-2tap',
      innerTaps: [{ tap: 'sum', pool: 'average', featureSize: 8 }],
      featureSize: SMALL_FEATURES + 8,
    },
    'test',
  );
  writeFileSync(join(dir, 'small-2tap.json'), JSON.stringify(card));
  const cacheDir = join(dir, 'cache');
  await pullModel(card, pullOptions(cacheDir));
  const pictures = smallPictures(32);
  const made = await quantizeBackbone({
    card,
    cacheDir,
    pictures,
    onProgress: () => {},
    kernels: await probeIntegerKernels(),
  });
  assert.ok(made.agreement.cosine > 0.99, `cosine ${made.agreement.cosine}`);
  const quantized = await openQuantized(made);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log });
  t.after(() => Promise.all([quantized.close(), backbone.close()]));
  const picture = pictures[0] as (typeof pictures)[number];
  const [fp32, int8] = [await backbone.embed(picture), await quantized.embed(picture)];
  const inner = (features: Float32Array) => features.subarray(SMALL_FEATURES);
  const size = Math.hypot(...inner(fp32));
  assert.ok(distance(inner(int8), inner(fp32)) < 0.1 * size);
});

test('cards without inner taps convert to what they always did', () => {
  const file = encodeModel(tinyClassifier());
  const plain = convertModel(file, tinyCard());
  assert.ok(Buffer.from(plain).equals(convertModel(file, tinyCard({ innerTaps: [] }))));
  assert.ok(!Buffer.from(plain).includes('inner_taps'));
  const two = Buffer.from(convertModel(file, tinyCard(twoTaps)));
  assert.ok(two.includes('headland.inner_taps'));
});

test('inner taps that cannot be are refused', () => {
  const refused = (changes: object, part: RegExp) =>
    assert.throws(
      () => tinyCard({ ...twoTaps, ...changes }),
      (error) => isHeadlandError(error, 'HL_MODEL_CARD_INVALID') && part.test(error.message),
    );
  refused(
    { featureSize: TINY_FEATURES },
    /featureSize: must include the features of the inner taps/,
  );
  refused({ format: 'tfjs-graph-model', engine: 'tfjs', layout: 'NHWC-RGB' }, /innerTaps: .*once/);
  const absent = [{ tap: 'nowhere', pool: 'none', featureSize: 1 }];
  assert.throws(
    () => convertModel(encodeModel(tinyClassifier()), tinyCard({ ...twoTaps, innerTaps: absent })),
    (error) => isHeadlandError(error, 'HL_MODEL_TAP_UNKNOWN') && /nowhere/.test(error.message),
  );
});
