import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as ort from 'onnxruntime-node';
import { agreementOf } from '../../src/backbone/agreement.js';
import { readCachedModel, writeCachedModel } from '../../src/backbone/cache.js';
import { loadCard } from '../../src/backbone/card-folders.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { OnnxCodec } from '../../src/backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { openBackbone, openFittingBackbone } from '../../src/backbone/open-backbone.js';
import { compareWithGolden } from '../../src/backbone/variant-golden.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { pullModel } from '../../src/models/pull-model.js';
import { keepQuantized } from '../../src/models/quantize/keep.js';
import {
  type IntegerKernels,
  type KernelSums,
  probeIntegerKernels,
} from '../../src/models/quantize/kernels.js';
import { planQuantization } from '../../src/models/quantize/quantization-plan.js';
import {
  type QuantizedModel,
  quantizeBackbone,
  storedActivations,
} from '../../src/models/quantize/quantize-backbone.js';
import { chooseRange, quantizerOf } from '../../src/models/quantize/ranges.js';
import { recordActivations } from '../../src/models/quantize/record-activations.js';
import { type RewriteOptions, rewriteQuantized } from '../../src/models/quantize/rewrite.js';
import { simplifyModel } from '../../src/models/quantize/simplify.js';
import { verifyModel } from '../../src/models/verify-model.js';
import type { RgbImage } from '../../src/vision/image.js';
import {
  SMALL_LAYERS,
  smallNetwork,
  smallPictures,
  writeSmallCard,
} from '../backbone/small-network.js';
import { pullOptions } from '../backbone/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { referenceFeatures } from './integer-reference.js';

const log = silentLog();

async function cachedSmall(t: Parameters<typeof temporaryFolder>[0]) {
  const dir = temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const cardsDir = join(dir, 'cards');
  const card = writeSmallCard(cardsDir);
  await pullModel(card, pullOptions(cacheDir));
  return { dir, cacheDir, cardsDir, card };
}

/** What is true here; `dense` differs between processors, and with it what is right. */
const here = await probeIntegerKernels();
/** The reference takes its time over each. */
const REFERENCE_PICTURES = 3;
const EXACT: IntegerKernels = { dense: 'exact', depthwise: 'exact' };
const SATURATING: IntegerKernels = { dense: 'saturating', depthwise: 'exact' };

function quantize(
  { card, cacheDir }: Awaited<ReturnType<typeof cachedSmall>>,
  kernels = here,
): Promise<QuantizedModel> {
  const pictures = smallPictures(32);
  return quantizeBackbone({ card, cacheDir, pictures, kernels, onProgress: () => {} });
}

async function embedAll(
  card: ModelCard,
  model: Uint8Array,
  pictures: readonly RgbImage[],
): Promise<Float32Array[]> {
  const engine = await OnnxEngine.create({ card, model, checksum: '', threads: 1 });
  const all: Float32Array[] = [];
  for (const picture of pictures) all.push(await engine.embed(picture));
  await engine.close();
  return all;
}

/** Types of the nodes that ONNX Runtime really runs. */
async function optimizedOps(model: Uint8Array, dir: string): Promise<string[]> {
  const path = join(dir, 'optimized.onnx');
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: path,
    logSeverityLevel: 3,
  });
  await session.release();
  return new OnnxCodec().decode(await readFile(path)).graph.node.map(({ opType }) => opType);
}

/** What was recorded of the small network's activations, and the variants that follow from it. */
async function prepared({ card, cacheDir, dir }: Awaited<ReturnType<typeof cachedSmall>>) {
  const { model: bytes } = await readCachedModel(card, cacheDir);
  const model = await simplifyModel(bytes, dir);
  const plan = planQuantization(model);
  const pictures = smallPictures(24);
  const record = (maxBytes: number) =>
    recordActivations(model, plan.tensors, { card, pictures, maxBytes, onStep: () => {} });
  const records = await record(1e9);
  const quantizers = new Map(
    [...records].map(([name, r]) => [name, quantizerOf(chooseRange(r.histogram, 'min-max'))]),
  );
  const channelMeans = new Map([...records].map(([name, r]) => [name, r.channelMeans]));
  const write = (
    options: Pick<RewriteOptions, 'kernels' | 'activations'> & Partial<RewriteOptions>,
  ) =>
    new OnnxCodec().encode(rewriteQuantized(model, { plan, quantizers, channelMeans, ...options }));
  return { pictures, records, record, write };
}

describe('quantizing a backbone', () => {
  test('every layer but the first runs as an integer kernel, and no Clip is left behind it', async (t) => {
    const small = await cachedSmall(t);
    const { write } = await prepared(small);
    const ops = await optimizedOps(write({ kernels: here, activations: 'uint8' }), small.dir);
    const count = (type: string) => ops.filter((op) => op === type).length;
    assert.equal(count('QLinearConv'), 4);
    assert.equal(count('QLinearAdd'), 1);
    const made = await quantize(small);
    assert.equal(made.layers, SMALL_LAYERS);
    const written = new OnnxCodec().decode(made.model).graph.node;
    assert.equal(written.filter(({ opType }) => opType === 'Clip').length, 1);
    assert.ok(made.bytes.int8 < made.bytes.fp32);
  });

  test('levels are stored signed on ARM64, unless the other form wins nearly every round', () => {
    const fives = Array.from({ length: 12 }, () => 5);
    const won = (wins: number) => fives.map((_, round) => (round < wins ? 4 : 6));
    for (const [architecture, usual, other] of [
      ['x64', 'uint8', 'int8'],
      ['arm64', 'int8', 'uint8'],
    ] as const) {
      const chosen = (wins: number) =>
        usual === 'uint8'
          ? storedActivations(architecture, { uint8: fives, int8: won(wins) })
          : storedActivations(architecture, { uint8: won(wins), int8: fives });
      assert.deepEqual([chosen(12), chosen(11)], [other, other]);
      assert.deepEqual([chosen(10), chosen(0)], [usual, usual]);
    }
  });

  // A variant for kernels that saturate is right on every kernel.
  for (const kernels of here.dense === 'exact' ? [EXACT, SATURATING] : [SATURATING]) {
    test(`made for ${kernels.dense} sums, its features stay near on pictures that calibration did not see`, async (t) => {
      const made = await quantize(await cachedSmall(t), kernels);
      const { cosine, relativeError } = made.agreement;
      assert.ok(cosine > 0.9999, String(cosine));
      assert.ok(relativeError < 0.005, String(relativeError));
      assert.ok(made.tried.every((t) => t.agreement.cosine <= cosine));
      assert.equal(made.calibrationPictures + made.agreement.pictures, 32);
      assert.deepEqual(made.kernels, kernels);
    });
  }

  test('its features are those of integer arithmetic, as this machine’s kernels sum', async (t) => {
    const small = await cachedSmall(t);
    const { pictures: all, write } = await prepared(small);
    const pictures = all.slice(0, REFERENCE_PICTURES);
    const { card } = small;
    const reference = (model: Uint8Array, sums: KernelSums) =>
      pictures.map((picture) => referenceFeatures(model, card, picture, sums));
    const full = write({ kernels: EXACT, activations: 'uint8' });
    const limited = write({ kernels: SATURATING, activations: 'uint8' });
    const gap = async (model: Uint8Array, sums: KernelSums) => {
      return agreementOf(reference(model, sums), await embedAll(card, model, pictures))
        .relativeError;
    };
    const gaps = {
      full: await gap(full, here.dense),
      limited: await gap(limited, here.dense),
    };
    assert.ok(gaps.full < 1e-6 && gaps.limited < 1e-6, JSON.stringify(gaps));
    // Nothing saturates where pairs are limited: both ways of summing give the same to the bit.
    assert.deepEqual(reference(limited, 'saturating'), reference(limited, 'exact'));
    const ruined = agreementOf(reference(full, 'exact'), reference(full, 'saturating'));
    assert.ok(ruined.relativeError > 0.05, String(ruined.relativeError));
  });

  test('limited pairs lose more than the full range, and both forms of activations give the same', async (t) => {
    const small = await cachedSmall(t);
    const { pictures, records, record, write } = await prepared(small);
    const inParts = await record(40_000);
    for (const [name, { histogram, channelMeans }] of records) {
      const other = inParts.get(name)!;
      const gap = Math.max(
        ...channelMeans.map((mean, c) => Math.abs(mean - other.channelMeans[c]!)),
      );
      // With other outputs the engine fuses otherwise, and rounds otherwise.
      assert.ok(gap < 1e-4 && Math.abs(other.histogram.max - histogram.max) < 1e-4, name);
      const seen = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0);
      assert.equal(seen(other.histogram.counts), seen(histogram.counts));
    }
    const features = async (
      kernels: IntegerKernels,
      activations: 'uint8' | 'int8',
      channelMeans?: ReadonlyMap<string, Float64Array>,
    ) => {
      const written = write({ kernels, activations, ...(channelMeans ? { channelMeans } : {}) });
      return embedAll(small.card, written, pictures);
    };
    const fp32 = await openBackbone({ ...small, threads: 1, log });
    const reference: Float32Array[] = [];
    for (const picture of pictures) reference.push(await fp32.embed(picture));
    await fp32.close();
    const error = (all: Float32Array[]) => agreementOf(reference, all).relativeError;
    const full = await features(EXACT, 'uint8');
    const limited = await features(SATURATING, 'uint8');
    const signed = {
      full: await features(EXACT, 'int8'),
      limited: await features(SATURATING, 'int8'),
    };
    const uncorrected = await features(SATURATING, 'uint8', new Map());
    assert.ok(agreementOf(limited, signed.limited).relativeError < 0.005);
    assert.ok(error(limited) < error(uncorrected), `${error(limited)} ${error(uncorrected)}`);
    if (here.dense === 'exact') {
      assert.ok(agreementOf(full, signed.full).relativeError < 0.005);
      assert.ok(error(full) < error(limited), `${error(full)} ${error(limited)}`);
    } else {
      // What a variant made for exact sums is worth here.
      assert.ok(error(full) > 3 * error(limited), `${error(full)} ${error(limited)}`);
    }
  });

  test('a graph without anything for 8 bits is refused', () => {
    const model = smallNetwork();
    model.graph.node = model.graph.node.filter(({ opType }) => opType === 'Clip');
    assert.deepEqual(planQuantization(model).layers, []);
  });

  test('a backbone of another engine is refused', async (t) => {
    const small = await cachedSmall(t);
    const card = { ...small.card, engine: 'tfjs' as const };
    await assert.rejects(quantize({ ...small, card }), (error: unknown) =>
      isHeadlandError(error, 'HL_QUANTIZE_ENGINE'),
    );
  });

  test('a Clip that keeps zero out is not taken over', () => {
    const model = smallNetwork();
    const zero = model.graph.initializer.find(({ name }) => name === 'zero')!;
    zero.rawData = new Uint8Array(Float32Array.of(1).buffer);
    const plan = planQuantization(model);
    assert.equal(plan.fused.size, 0);
    assert.equal(plan.layers.length, SMALL_LAYERS);
  });
});

describe('the 8-bit variant in the cache', () => {
  test('before it is made, opening, pulling and verifying say how to make it', async (t) => {
    const { cacheDir, cardsDir } = await cachedSmall(t);
    const card = await loadCard('small-int8', cardsDir);
    const refused = (error: unknown) =>
      isHeadlandError(error, 'HL_MODEL_NOT_QUANTIZED') &&
      /headland models quantize small`/.test(error.remedy ?? '');
    await assert.rejects(openBackbone({ card, cacheDir, threads: 1, log }), refused);
    await assert.rejects(pullModel(card, pullOptions(cacheDir)), refused);
    await assert.rejects(verifyModel(card, cacheDir), refused);
    await assert.rejects(loadCard('smal-int8', cardsDir), (error: unknown) =>
      isHeadlandError(error, 'HL_MODEL_CARD_UNKNOWN'),
    );
  });

  test('once kept it serves under its own name and checksum, beside the fp32 one', async (t) => {
    const small = await cachedSmall(t);
    const { cacheDir, cardsDir } = small;
    const made = await quantize(small);
    await keepQuantized(made, cacheDir, { reason: 'test' });
    const card = await loadCard('small-int8', cardsDir);
    const int8 = await openBackbone({ card, cacheDir, threads: 1, log });
    const fp32 = await openBackbone({ ...small, threads: 1, log });
    t.after(() => Promise.all([int8.close(), fp32.close()]));
    assert.equal(int8.name, 'small-int8');
    assert.notEqual(int8.checksum, fp32.checksum);
    assert.equal(int8.checksum, made.checksum);
    const [picture] = smallPictures(1);
    const both = [await fp32.embed(picture!), await int8.embed(picture!)];
    assert.ok(agreementOf([both[0]!], [both[1]!]).cosine > 0.99);
    const verified = await verifyModel(card, cacheDir);
    assert.equal(verified.golden, true);
    const pulled = await pullModel(card, pullOptions(cacheDir));
    assert.deepEqual([pulled.fromCache, pulled.checksum], [true, made.checksum]);
    const record = JSON.parse(
      readFileSync(join(cacheDir, 'backbones', 'small-int8', 'card.json'), 'utf8'),
    );
    assert.equal(record.quantization.reason, 'test');
    assert.deepEqual((await readdir(cacheDir)).sort(), ['backbones']);
  });

  test('opened on kernels that it was not made for it is refused, on those it was made for not', async (t) => {
    const { card, cacheDir, dir } = await cachedSmall(t);
    const { write } = await prepared({ card, cacheDir, dir, cardsDir: '' });
    const picture = drawCheckPicture(card.inputSize);
    const [fp32] = await embedAll(card, (await readCachedModel(card, cacheDir)).model, [picture]);
    const opens = async (kernels: IntegerKernels) => {
      const model = write({ kernels, activations: 'uint8' });
      // As computed where it was made: on kernels of that kind.
      const features = referenceFeatures(model, card, picture, kernels.dense);
      const { relativeError } = agreementOf([fp32!], [features]);
      const golden = { features: [...features], maxRelativeError: relativeError / 2 };
      const engine = await OnnxEngine.create({ card, model, checksum: '', threads: 1 });
      return compareWithGolden(engine, golden)
        .then(
          () => true,
          (error: unknown) => {
            if (isHeadlandError(error, 'HL_MODEL_INT8_DIFFERS')) return false;
            throw error;
          },
        )
        .finally(() => engine.close());
    };
    assert.equal(await opens(SATURATING), true, 'limited pairs are right everywhere');
    assert.equal(await opens(EXACT), here.dense === 'exact');
  });

  test('verifying notices a machine on which it computes something else, and damage', async (t) => {
    const small = await cachedSmall(t);
    const { cacheDir, cardsDir } = small;
    const kept = await keepQuantized(await quantize(small), cacheDir, {});
    const card = await loadCard('small-int8', cardsDir);
    const golden = kept.variantGolden!;
    const elsewhere = golden.features.map((value) => value * (1 + 2 * golden.maxRelativeError));
    const variantGolden = { ...golden, features: elsewhere };
    await writeCachedModel(card, cacheDir, { ...kept, variantGolden, quantization: {} });
    const differs = (error: unknown) =>
      isHeadlandError(error, 'HL_MODEL_INT8_DIFFERS') && /quantize small`/.test(error.remedy);
    await assert.rejects(verifyModel(card, cacheDir), differs);
    await assert.rejects(openBackbone({ card, cacheDir, threads: 1, log }), differs);
    const fp32 = await openBackbone({ ...small, threads: 1, log });
    const instead = await openFittingBackbone({ card, cacheDir, threads: 1, log });
    t.after(() => Promise.all([fp32.close(), instead.close()]));
    assert.deepEqual([instead.name, instead.checksum], [fp32.name, fp32.checksum]);
    const file = join(cacheDir, 'backbones', 'small-int8', 'model.onnx');
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    await assert.rejects(
      verifyModel(card, cacheDir),
      (error: unknown) =>
        isHeadlandError(error, 'HL_MODEL_CHECKSUM') && /quantize small/.test(error.remedy ?? ''),
    );
  });
});
