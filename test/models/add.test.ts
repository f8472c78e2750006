import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import * as ort from 'onnxruntime-node';
import { addedCards, listCards, loadCard } from '../../src/backbone/card-folders.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import type { OnnxModel } from '../../src/backbone/engines/onnx-proto.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { type ErrorCode, isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { type AddOptions, addModel, removeModel } from '../../src/models/add-model.js';
import { parseNormalisation } from '../../src/models/onnx/normalisation.js';
import { verifyModel } from '../../src/models/verify-model.js';
import {
  convNextLike,
  halved,
  headless,
  info,
  int,
  ints,
  kerasLike,
  NetworkBuilder,
  pooledConvLike,
  resnetLike,
  SIDE,
  squeezeLike,
  vitLike,
} from '../backbone/networks.js';
import { encodeModel, pullOptions } from '../backbone/support.js';
import { temporaryFolder } from '../temporary-folder.js';

async function places(t: TestContext) {
  const dir = temporaryFolder(t);
  return { dir, addedDir: join(dir, 'state', 'backbones'), cacheDir: join(dir, 'cache') };
}

async function add(
  { dir, addedDir, cacheDir }: Awaited<ReturnType<typeof places>>,
  model: OnnxModel | Uint8Array,
  changes: Partial<AddOptions> = {},
) {
  const file = join(dir, 'given.onnx');
  await writeFile(file, model instanceof Uint8Array ? model : encodeModel(model));
  return addModel({
    file,
    name: 'mine',
    cardsDir: null,
    addedDir,
    inputSize: null,
    normalisation: parseNormalisation('imagenet'),
    tap: null,
    pool: null,
    licence: null,
    title: null,
    ask: null,
    pull: pullOptions(cacheDir),
    ...changes,
  });
}

type Reduce = (data: Float32Array, dims: readonly number[]) => number[];
const asItIs: Reduce = (data) => [...data];
const firstToken: Reduce = (data, dims) => [...data.subarray(0, dims[2])];
/** Mean over everything between the first axis and the last. */
const lastAxis: Reduce = (data, dims) => {
  const d = dims.at(-1) as number;
  return Array.from({ length: d }, (_, c) => {
    const own = data.filter((_, i) => i % d === c);
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  });
};
const channels: Reduce = (data, dims) => {
  const places = data.length / (dims[1] as number);
  return Array.from({ length: dims[1] as number }, (_, c) => {
    const own = data.subarray(c * places, (c + 1) * places);
    return own.reduce((sum, value) => sum + value, 0) / places;
  });
};

/** What the whole graph, as it was given, has in a tensor for the check picture. */
async function wanted(
  model: OnnxModel,
  tensor: string,
  reduce: Reduce,
  normalise: (value: number, channel: number) => number,
): Promise<number[]> {
  const whole = structuredClone(model);
  if (!whole.graph.output.some(({ name }) => name === tensor)) {
    whole.graph.output.push({ name: tensor });
  }
  const session = await ort.InferenceSession.create(encodeModel(whole), { logSeverityLevel: 4 });
  const { data } = drawCheckPicture(SIDE);
  const last = model.graph.input[0]?.type?.tensorType?.shape?.dim.at(-1)?.dimValue === 3;
  const plane = SIDE * SIDE;
  const pixels = new Float32Array(3 * plane);
  data.forEach((value, i) => {
    const at = last ? i : (i % 3) * plane + Math.floor(i / 3);
    pixels[at] = normalise(value, i % 3);
  });
  const dims = last ? [1, SIDE, SIDE, 3] : [1, 3, SIDE, SIDE];
  const input = new ort.Tensor('float32', pixels, dims);
  const outputs = await session.run({ [session.inputNames[0] as string]: input }, [tensor]);
  const output = outputs[tensor] as ort.Tensor;
  const values = reduce(output.data as Float32Array, output.dims);
  await session.release();
  return values;
}

const MEAN = [0.485, 0.456, 0.406].map((m) => 255 * m);
const STD = [0.229, 0.224, 0.225].map((s) => 255 * s);
const imagenet = (value: number, c: number) => (value - MEAN[c]!) / STD[c]!;
const raw = (value: number) => value;

const kinds: {
  what: string;
  model: () => OnnxModel;
  tensor: string;
  pool?: string;
  reduce?: Reduce;
  kind?: string;
  changes?: Partial<AddOptions>;
  normalise?: typeof imagenet;
}[] = [
  { what: 'a ResNet with Gemm', model: () => resnetLike(), tensor: 'flatten_170' },
  {
    what: 'MatMul, Add and Softmax behind an NHWC input',
    model: () => kerasLike(),
    tensor: 'mean',
  },
  {
    what: 'a graph that normalises itself',
    model: () => kerasLike(true),
    tensor: 'mean',
    changes: { normalisation: null },
    normalise: raw,
  },
  {
    what: 'a vision transformer with a class token',
    model: () => vitLike(true),
    tensor: 'cls_token',
  },
  {
    what: 'a transformer that gives its tokens, class token first',
    model: () => vitLike(false),
    tensor: 'last_hidden_state',
    kind: 'output',
    pool: 'first-token',
    reduce: firstToken,
  },
  {
    what: 'a transformer without a class token',
    model: () => vitLike(false, false),
    tensor: 'last_hidden_state',
    kind: 'output',
    pool: 'average-tokens',
    reduce: lastAxis,
  },
  { what: 'a ConvNeXt', model: convNextLike, tensor: 'head.norm' },
  {
    what: 'a SqueezeNet, which averages its answers',
    model: squeezeLike,
    tensor: 'dropout_0',
    pool: 'average',
    reduce: channels,
  },
  { what: 'a classifier that is a convolution', model: pooledConvLike, tensor: 'head_relu' },
  {
    what: 'a feature map',
    model: () => headless('map'),
    tensor: 'map',
    kind: 'output',
    pool: 'average',
    reduce: channels,
  },
  {
    what: 'a feature map with its channels last',
    model: () => headless('channels-last'),
    tensor: 'map_last',
    kind: 'output',
    pool: 'average-channels-last',
    reduce: lastAxis,
  },
  { what: 'pooled features', model: () => headless('pooled'), tensor: 'pooled', kind: 'output' },
  {
    what: 'a graph that leaves its sides open',
    model: () => resnetLike(info('data', ['N', 3, 'h', 'w'])),
    tensor: 'flatten_170',
    changes: { inputSize: SIDE },
  },
  {
    what: 'a tensor that is named',
    model: () => resnetLike(),
    tensor: 'dense0_fwd',
    kind: 'given',
    changes: { tap: 'node_dense0_fwd' },
  },
  {
    what: 'probabilities and the best class as two outputs',
    model: () => {
      const model = kerasLike();
      const best = { name: 'best', opType: 'ArgMax', input: ['predictions'], output: ['class'] };
      model.graph.node.push({ ...best, attribute: [int('axis', 1), int('keepdims', 0)] });
      model.graph.output.unshift(info('class', ['unk'], 7));
      return model;
    },
    tensor: 'mean',
  },
];

for (const one of kinds) {
  test(`added: ${one.what}`, async (t) => {
    const where = await places(t);
    const added = await add(where, one.model(), one.changes);
    assert.equal(added.tap.tensor, one.tensor);
    assert.equal(added.tap.kind, one.kind ?? 'classifier');
    assert.equal(added.card.pool, one.pool ?? 'none');
    assert.equal(added.card.inputSize, SIDE);
    const card = await loadCard('mine', null, where.addedDir);
    const options = { card, cacheDir: where.cacheDir, threads: 1, log: silentLog() };
    const backbone = await openBackbone(options);
    t.after(() => backbone.close());
    const features = await backbone.embed(drawCheckPicture(SIDE));
    const reduce = one.reduce ?? asItIs;
    const expected = await wanted(one.model(), one.tensor, reduce, one.normalise ?? imagenet);
    assert.equal(features.length, expected.length);
    const size = Math.max(...expected.map(Math.abs));
    expected.forEach((value, i) => {
      assert.ok(
        Math.abs(value - features[i]!) <= 1e-4 * size,
        `${i}: ${features[i]}, not ${value}`,
      );
    });
    await verifyModel(card, where.cacheDir);
  });
}

test('a network in half precision gives features in single precision', async (t) => {
  const where = await places(t);
  const { card } = await add(where, halved(resnetLike()));
  assert.equal(card.featureSize, 32);
  const log = silentLog();
  const backbone = await openBackbone({ card, cacheDir: where.cacheDir, threads: 1, log });
  t.after(() => backbone.close());
  const features = await backbone.embed(drawCheckPicture(SIDE));
  const full = await wanted(resnetLike(), 'flatten_170', asItIs, imagenet);
  const size = Math.max(...full.map(Math.abs));
  full.forEach((value, i) => {
    assert.ok(Math.abs(value - features[i]!) < 0.01 * size, `${i}: ${features[i]}, not ${value}`);
  });
});

test('bytes as input need no normalisation, and BGR is turned round', async (t) => {
  const where = await places(t);
  const b = new NetworkBuilder();
  const x = b.add('Cast', ['image'], [int('to', 1)]);
  const scaled = b.add('Div', [x, b.floats('std', [], [60])]);
  const half = ints('kernel_shape', [SIDE / 2, SIDE / 2]);
  const pooled = b.add('AveragePool', [scaled], [half, ints('strides', [SIDE / 2, SIDE / 2])]);
  b.add('Flatten', [pooled], [int('axis', 1)], 'means');
  const model = b.model(info('image', [1, 3, SIDE, SIDE], 2), [info('means', [1, 12])]);
  const { card, normalisedBy } = await add(where, model, { normalisation: null });
  assert.equal(normalisedBy, 'graph');
  const picture = drawCheckPicture(SIDE);
  const mean = (c: number) =>
    picture.data.filter((_, i) => i % 3 === c).reduce((sum, v) => sum + v, 0) / SIDE ** 2 / 60;
  const near = (quarters: readonly number[], means: number[]) =>
    means.forEach((mean, c) => {
      const own = quarters.slice(4 * c, 4 * c + 4).reduce((sum, value) => sum + value, 0) / 4;
      assert.ok(Math.abs(own - mean) < 1e-4, `${own}, not ${mean}`);
    });
  near(card.golden?.features ?? [], [mean(0), mean(1), mean(2)]);
  const bgr = parseNormalisation('caffe');
  const other = await add(where, model, {
    name: 'other',
    normalisation: { ...bgr, mean: [0, 0, 0] },
  });
  near(other.card.golden?.features ?? [], [mean(2), mean(1), mean(0)]);
});

const refusals: {
  what: string;
  code: ErrorCode;
  part: RegExp;
  model: () => OnnxModel | Uint8Array;
  changes?: Partial<AddOptions>;
  /** What its remedy says to do. */
  remedy?: { model?: () => OnnxModel; changes?: Partial<AddOptions> };
}[] = [
  {
    what: 'a file that is no ONNX',
    code: 'HL_MODEL_ONNX_INVALID',
    part: /./,
    model: () => Buffer.from('PK no model'),
  },
  {
    what: 'open sides',
    code: 'HL_MODEL_INPUT_SIZE_UNKNOWN',
    part: /open/,
    model: () => resnetLike(info('data', ['N', 3, 'h', 'w'])),
    remedy: { changes: { inputSize: SIDE } },
  },
  {
    what: 'an unknown normalisation',
    code: 'HL_MODEL_NORMALISATION_UNKNOWN',
    part: /normalised in its training/,
    model: () => resnetLike(),
    changes: { normalisation: null },
    remedy: { changes: { normalisation: parseNormalisation('tensorflow') } },
  },
  {
    what: 'another size than its own',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /32 x 32 pixels, not 64/,
    model: () => resnetLike(),
    changes: { inputSize: 64 },
    remedy: { changes: { inputSize: null } },
  },
  {
    what: 'a size that its position embedding does not take',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /cannot run the graph on an image of 48/,
    model: () => {
      const model = vitLike(true);
      model.graph.input = [info('pixel_values', [1, 3, 'h', 'w'])];
      return model;
    },
    changes: { inputSize: 48 },
    remedy: { changes: { inputSize: SIDE } },
  },
  {
    what: 'grey pictures',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /1 channels/,
    model: () => resnetLike(info('data', ['N', 1, 28, 28])),
  },
  {
    what: 'pictures that are not square',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /64 x 32/,
    model: () => resnetLike(info('data', ['N', 3, 64, SIDE])),
    remedy: {
      model: () => resnetLike(info('data', ['N', 3, 'h', 'w'])),
      changes: { inputSize: SIDE },
    },
  },
  {
    what: 'words',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /neither N x 3/,
    model: () => resnetLike(info('data', ['N', 128], 7)),
  },
  {
    what: 'several inputs',
    code: 'HL_MODEL_NOT_A_BACKBONE',
    part: /2 inputs/,
    model: () => {
      const model = resnetLike();
      model.graph.input.push(info('mask', [1, 16]));
      return model;
    },
  },
  {
    what: 'a batch of eight',
    code: 'HL_MODEL_ONNX_INVALID',
    part: /batch is 8/,
    model: () => resnetLike(info('data', [8, 3, SIDE, SIDE])),
  },
  {
    what: 'a classifier that cannot be seen through',
    code: 'HL_MODEL_TAP_UNKNOWN',
    part: /linear layer .* not found/,
    model: () => {
      const model = headless('pooled');
      model.graph.node.push({
        name: 'end',
        opType: 'Softmax',
        input: ['pooled'],
        output: ['end'],
        attribute: [],
      });
      model.graph.output = [info('end', [])];
      return model;
    },
    remedy: { changes: { tap: 'pooled' } },
  },
  {
    what: 'a network that always answers the same',
    code: 'HL_MODEL_CHECK_FAILED',
    part: /nearly the same features/,
    model: () => {
      const model = resnetLike();
      for (const { name, rawData } of model.graph.initializer) {
        if (/gamma/.test(name)) rawData?.fill(0);
      }
      return model;
    },
  },
  {
    what: 'a name with a path in it',
    code: 'HL_MODEL_NAME_INVALID',
    part: /cannot be the name/,
    model: () => resnetLike(),
    changes: { name: '../mine' },
  },
  {
    what: 'the name of an 8-bit variant',
    code: 'HL_MODEL_NAME_INVALID',
    part: /cannot be the name/,
    model: () => resnetLike(),
    changes: { name: 'mine-int8' },
  },
  {
    what: 'a name that is taken',
    code: 'HL_MODEL_NAME_TAKEN',
    part: /already/,
    model: () => resnetLike(),
    changes: { name: 'mobilenet-v1' },
  },
  {
    what: 'a file that is too large',
    code: 'HL_MODEL_TOO_LARGE',
    part: /maxBytes/,
    model: () => resnetLike(),
    changes: { pull: pullOptions('/nowhere', { maxBytes: 1_000 }) },
  },
  {
    what: 'a file that is not there',
    code: 'HL_MODEL_FILE_UNREADABLE',
    part: /cannot be read/,
    model: () => resnetLike(),
    changes: { file: '/nowhere/at/all.onnx' },
  },
];

for (const { what, code, part, model, changes, remedy } of refusals) {
  test(`refused: ${what}`, async (t) => {
    const where = await places(t);
    await assert.rejects(add(where, model(), changes), (error) => {
      assert.ok(isHeadlandError(error, code), String(error));
      assert.match(error.message, part);
      assert.ok(error.remedy.length > 0);
      return true;
    });
    assert.ok(!existsSync(where.addedDir) || (await readdir(where.addedDir)).length === 0);
    if (remedy) await add(where, (remedy.model ?? model)(), { ...changes, ...remedy.changes });
  });
}

test('what cannot be said by the graph is asked of the person who is there', async (t) => {
  const where = await places(t);
  const asked: string[] = [];
  const ask = {
    inputSize: async () => {
      asked.push('size');
      return SIDE;
    },
    normalisation: async () => {
      asked.push('normalisation');
      return parseNormalisation('unit');
    },
  };
  const open = resnetLike(info('data', ['N', 3, 'h', 'w']));
  const { card } = await add(where, open, { normalisation: null, ask });
  assert.deepEqual(asked, ['size', 'normalisation']);
  assert.deepEqual(card.normalisation, { mean: [0, 0, 0], std: [255, 255, 255] });
});

test('a normalisation on top of that in the graph is told', async (t) => {
  const where = await places(t);
  assert.equal((await add(where, kerasLike(true))).normalisedBy, 'both');
  const same = { name: 'same', normalisation: parseNormalisation('none') };
  assert.equal((await add(where, kerasLike(true), same)).normalisedBy, 'graph');
});

test('an added backbone is listed and loaded like any other, and goes without a trace', async (t) => {
  const where = await places(t);
  const { addedDir, cacheDir } = where;
  await add(where, resnetLike());
  const names = async () => (await listCards(null, addedDir)).map(({ name }) => name);
  assert.ok((await names()).includes('mine'));
  assert.equal((await loadCard('mine-int8', null, addedDir)).precision, 'int8');
  await assert.rejects(add(where, resnetLike()), (e) => isHeadlandError(e, 'HL_MODEL_NAME_TAKEN'));
  const remove = (configured: string, name = 'mine') =>
    removeModel({ name, addedDir, cacheDir, configured });
  for (const configured of ['mine', 'mine-int8']) {
    await assert.rejects(remove(configured), (e) => isHeadlandError(e, 'HL_MODEL_IN_USE'));
  }
  await remove('efficientnet-lite0');
  assert.ok(!(await names()).includes('mine'));
  assert.deepEqual(await readdir(addedDir), []);
  assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
  assert.deepEqual(await addedCards(join(addedDir, 'absent')), []);
  for (const name of ['mine', 'mobilenet-v1']) {
    await assert.rejects(remove('x', name), (e) => isHeadlandError(e, 'HL_MODEL_NOT_ADDED'));
  }
  await add(where, resnetLike());
});
