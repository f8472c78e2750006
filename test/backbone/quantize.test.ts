import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as ort from 'onnxruntime-node';
import { readCachedModel, writeCachedModel } from '../../src/backbone/cache.js';
import { loadCard } from '../../src/backbone/cards.js';
import { OnnxCodec } from '../../src/backbone/onnx-proto.js';
import { openBackbone } from '../../src/backbone/open.js';
import { pullModel } from '../../src/backbone/pull.js';
import { agreementOf } from '../../src/backbone/quantize/agreement.js';
import { recordActivations } from '../../src/backbone/quantize/calibrate.js';
import { keepQuantized, openQuantized } from '../../src/backbone/quantize/keep.js';
import { planQuantization } from '../../src/backbone/quantize/plan.js';
import {
  clearlyQuicker,
  type QuantizedModel,
  quantizeBackbone,
} from '../../src/backbone/quantize/quantize.js';
import { chooseRange, quantizerOf } from '../../src/backbone/quantize/ranges.js';
import { type RewriteOptions, rewriteQuantized } from '../../src/backbone/quantize/rewrite.js';
import { simplifyModel } from '../../src/backbone/quantize/simplify.js';
import { verifyModel } from '../../src/backbone/verify.js';
import { isHeadlandError } from '../../src/errors.js';
import { silentLog } from '../../src/log.js';
import { SMALL_LAYERS, smallNetwork, smallPictures, writeSmallCard } from './small-network.js';
import { pullOptions, temporaryFolder } from './support.js';

const log = silentLog();

async function cachedSmall(t: Parameters<typeof temporaryFolder>[0]) {
  const dir = await temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const cardsDir = join(dir, 'cards');
  const card = writeSmallCard(cardsDir);
  await pullModel(card, pullOptions(cacheDir));
  return { dir, cacheDir, cardsDir, card };
}

function quantize(
  { card, cacheDir }: Awaited<ReturnType<typeof cachedSmall>>,
  weightBits: 7 | 8 = 8,
): Promise<QuantizedModel> {
  const pictures = smallPictures(32);
  return quantizeBackbone({ card, cacheDir, pictures, weightBits, onProgress: () => {} });
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
    options: Pick<RewriteOptions, 'weightBits' | 'activations'> & Partial<RewriteOptions>,
  ) =>
    new OnnxCodec().encode(rewriteQuantized(model, { plan, quantizers, channelMeans, ...options }));
  return { pictures, records, record, write };
}

describe('quantizing a backbone', () => {
  test('every layer but the first runs as an integer kernel, and no Clip is left behind it', async (t) => {
    const small = await cachedSmall(t);
    const { write } = await prepared(small);
    const ops = await optimizedOps(write({ weightBits: 8, activations: 'uint8' }), small.dir);
    const count = (type: string) => ops.filter((op) => op === type).length;
    assert.equal(count('QLinearConv'), 4);
    assert.equal(count('QLinearAdd'), 1);
    const made = await quantize(small);
    assert.equal(made.layers, SMALL_LAYERS);
    const written = new OnnxCodec().decode(made.model).graph.node;
    assert.equal(written.filter(({ opType }) => opType === 'Clip').length, 1);
    assert.ok(made.bytes.int8 < made.bytes.fp32);
  });

  test('levels are stored signed only where that wins nearly every round', () => {
    const others = Array.from({ length: 12 }, () => 5);
    const times = (wins: number) => others.map((_, round) => (round < wins ? 4 : 6));
    assert.equal(clearlyQuicker(times(12), others), true);
    assert.equal(clearlyQuicker(times(11), others), true);
    assert.equal(clearlyQuicker(times(10), others), false);
    assert.equal(clearlyQuicker(others, others), false);
  });

  test('its features stay near: on pictures that calibration did not see', async (t) => {
    const made = await quantize(await cachedSmall(t));
    assert.ok(made.agreement.cosine > 0.999, String(made.agreement.cosine));
    assert.ok(made.agreement.relativeError < 0.03, String(made.agreement.relativeError));
    assert.ok(made.tried.every((t) => t.agreement.cosine <= made.agreement.cosine));
    assert.equal(made.calibrationPictures + made.agreement.pictures, 32);
  });

  test('seven bits lose more than eight, and both forms of activations give the same', async (t) => {
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
      weightBits: 7 | 8,
      activations: 'uint8' | 'int8',
      channelMeans?: ReadonlyMap<string, Float64Array>,
    ) => {
      const written = write({ weightBits, activations, ...(channelMeans ? { channelMeans } : {}) });
      const engine = await openQuantized({
        ...{ card: small.card, model: written, checksum: '' },
      } as QuantizedModel);
      const all: Float32Array[] = [];
      for (const picture of pictures) all.push(await engine.embed(picture));
      await engine.close();
      return all;
    };
    const fp32 = await openBackbone({ ...small, threads: 1, log });
    const reference: Float32Array[] = [];
    for (const picture of pictures) reference.push(await fp32.embed(picture));
    await fp32.close();
    const error = (all: Float32Array[]) => agreementOf(reference, all).relativeError;
    const eight = await features(8, 'uint8');
    const signed = await features(8, 'int8');
    assert.ok(agreementOf(eight, signed).relativeError < 0.005);
    const seven = await features(7, 'uint8');
    const uncorrected = await features(7, 'uint8', new Map());
    assert.ok(error(eight) < error(seven), `${error(eight)} ${error(seven)}`);
    assert.ok(error(seven) < error(uncorrected), `${error(seven)} ${error(uncorrected)}`);
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

  test('verifying notices a machine on which it computes something else, and damage', async (t) => {
    const small = await cachedSmall(t);
    const { cacheDir, cardsDir } = small;
    const kept = await keepQuantized(await quantize(small), cacheDir, {});
    const card = await loadCard('small-int8', cardsDir);
    const golden = kept.golden!;
    const elsewhere = golden.features.map((value) => value + 3 * golden.tolerance);
    const record = { ...kept, golden: { ...golden, features: elsewhere }, quantization: {} };
    await writeCachedModel(card, cacheDir, record);
    await assert.rejects(verifyModel(card, cacheDir), (error: unknown) =>
      isHeadlandError(error, 'HL_MODEL_CHECK_FAILED'),
    );
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
