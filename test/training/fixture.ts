import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import sharp from 'sharp';
import { loadCard } from '../../src/backbone/card-folders.js';
import { OnnxCodec } from '../../src/backbone/engines/onnx-proto.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom, seedFrom } from '../../src/base/random.js';
import { configSchema } from '../../src/config/schema.js';
import type { Head } from '../../src/head/head.js';
import type { LabelledMetrics } from '../../src/head/labelled-metrics.js';
import { pullModel } from '../../src/models/pull-model.js';
import type { NewHeadCard } from '../../src/registry/head-card.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import type { TrainerSettings } from '../../src/training/job/job-protocol.js';
import { temporaryFolder } from '../temporary-folder.js';

/** Length of the tiny backbone's features. */
const FEATURES = 24;
const INPUT_SIZE = 32;

/** Everything that one robot has on its disk, in a folder that goes with the test. */
export interface Robot {
  dir: string;
  dbPath: string;
  cacheDir: string;
  registryDir: string;
  settings: TrainerSettings;
}

export interface RobotOptions {
  training?: Partial<TrainerSettings['training']>;
  gate?: Partial<TrainerSettings['gate']>;
  views?: number;
  photometricViews?: number;
  /** Of the backbone's weights. */
  seed?: number;
}

/** A robot with a tiny but real backbone in its cache and nothing in its store. */
export async function createRobot(
  t: Pick<TestContext, 'after'>,
  options: RobotOptions = {},
): Promise<Robot> {
  const dir = temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const cardsDir = await installBackbone(dir, 'tiny', options.seed ?? 1);
  const config = configSchema.parse({
    models: { backbone: 'tiny', cardsDir },
    training: { nice: 0, minLabels: 12, maxDurationMs: 120_000, ...options.training },
    gate: options.gate ?? {},
    augmentation: {
      views: options.views ?? 1,
      photometricViews: options.photometricViews ?? 0,
    },
  });
  const { models, inference, samples, augmentation, training, gate, heads } = config;
  return {
    dir,
    dbPath: join(dir, 'headland.db'),
    cacheDir,
    registryDir: join(dir, 'heads', 'main'),
    // Few pictures have to do: the holdout begins at once.
    settings: {
      models,
      inference,
      augmentation,
      training,
      gate,
      heads,
      samples: { ...samples, holdoutAfterSamples: 0 },
    },
  };
}

/** One strided convolution with seeded weights, ReLU6 and a global average, as any backbone. */
export async function installBackbone(
  dir: string,
  name: string,
  seed: number,
  engine: 'onnx' | 'tfjs' = 'onnx',
): Promise<string> {
  const random = createRandom(seed);
  const weights = Float32Array.from({ length: FEATURES * 3 * 64 }, () => random.uniform(-1, 1) / 4);
  const value = (tensor: string, dims: number[]) => ({
    name: tensor,
    type: { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  });
  const tensor = (tensorName: string, dims: number[], data: Float32Array) => ({
    name: tensorName,
    dims,
    dataType: 1,
    rawData: new Uint8Array(data.buffer),
  });
  const ints = (attribute: string, values: number[]) => ({
    name: attribute,
    type: 7,
    ints: values,
  });
  const model = new OnnxCodec().encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name,
      node: [
        {
          name: 'conv',
          opType: 'Conv',
          input: ['image', 'kernel'],
          output: ['map'],
          attribute: [ints('kernel_shape', [8, 8]), ints('strides', [4, 4])],
        },
        {
          name: 'relu6',
          opType: 'Clip',
          input: ['map', 'zero', 'six'],
          output: ['clipped'],
          attribute: [],
        },
        {
          name: 'pool',
          opType: 'GlobalAveragePool',
          input: ['clipped'],
          output: ['pooled'],
          attribute: [],
        },
        {
          name: 'flatten',
          opType: 'Flatten',
          input: ['pooled'],
          output: ['vector'],
          attribute: [],
        },
      ],
      initializer: [
        tensor('kernel', [FEATURES, 3, 8, 8], weights),
        tensor('zero', [], Float32Array.of(0)),
        tensor('six', [], Float32Array.of(6)),
      ],
      input: [value('image', [1, 3, INPUT_SIZE, INPUT_SIZE])],
      output: [value('vector', [1, FEATURES])],
      valueInfo: [],
    },
  });
  const cardsDir = join(dir, 'models');
  mkdirSync(cardsDir, { recursive: true });
  const file = `${name}.onnx`;
  writeFileSync(join(cardsDir, file), model);
  const card = {
    schema: 1,
    name,
    title: 'One convolution with fixed weights',
    licence: 'Apache-2.0',
    attribution: 'headland',
    trainingData: 'none',
    reportedTop1: null,
    engine,
    format: 'onnx',
    inputSize: INPUT_SIZE,
    layout: engine === 'onnx' ? 'NCHW-RGB' : 'NHWC-RGB',
    normalisation: { mean: [128, 128, 128], std: [64, 64, 64] },
    featureSize: FEATURES,
    sources: [
      {
        kind: 'file',
        file: join(cardsDir, file),
        sha256: createHash('sha256').update(model).digest('hex'),
        bytes: model.length,
      },
    ],
  };
  writeFileSync(join(cardsDir, `${name}.json`), JSON.stringify(card));
  await pullModel(await loadCard(name, cardsDir), {
    cacheDir: join(dir, 'cache'),
    mirrors: [],
    allowDownload: false,
    pipCommand: ['false'],
    downloadTimeoutMs: 60_000,
    maxBytes: 1_000_000,
    log: silentLog(),
  });
  return cardsDir;
}

/** Colour and stripes of a class; each picture varies in brightness, phase and noise. */
const LOOKS: Record<string, { colour: [number, number, number]; stripes: number }> = {
  crop: { colour: [40, 150, 50], stripes: 2 },
  weed: { colour: [110, 150, 40], stripes: 6 },
  stone: { colour: [130, 130, 135], stripes: 0 },
};

/** A seeded JPEG of a class, 48 x 40 pixels. */
export async function drawPicture(label: string, seed: number): Promise<Uint8Array> {
  const look = LOOKS[label];
  if (!look) throw new Error(`no look for ${label}`);
  const random = createRandom(seedFrom(label, seed));
  const [width, height] = [48, 40];
  const light = random.uniform(0.8, 1.2);
  const phase = random.uniform(0, 6);
  const data = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    const wave = look.stripes
      ? 35 * Math.sin(((p % width) / width) * 6.28 * look.stripes + phase)
      : 0;
    look.colour.forEach((value, channel) => {
      data[p * 3 + channel] = Math.min(
        255,
        Math.max(0, light * (value + wave) + random.uniform(-20, 20)),
      );
    });
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

export function openStore(robot: Robot): { store: SampleStore; close(): void } {
  const database = openDatabase(robot.dbPath);
  const store = new SampleStore(database, robot.settings.samples);
  return { store, close: () => database.close() };
}

/** Labelled pictures: `perGroup` of each class in each group. */
export async function teach(
  robot: Robot,
  options: { labels: string[]; groups: string[]; perGroup?: number; seed?: number },
): Promise<void> {
  const { store, close } = openStore(robot);
  let seed = options.seed ?? 0;
  for (const group of options.groups) {
    for (const label of options.labels) {
      for (let i = 0; i < (options.perGroup ?? 1); i++) {
        seed += 1;
        store.admit({
          jpeg: await drawPicture(label, seedFrom(group, seed)),
          label,
          labelSource: 'import',
          group,
          source: 'import',
          capturedAtMs: 1_700_000_000_000 + seed,
          dhash: '0000000000000000',
        });
      }
    }
  }
  close();
}

/** Group names by which side the store puts them on. */
export function groupNames(
  count: { training: number; holdout: number },
  prefix = 'pass',
): string[] {
  const found: Record<'training' | 'holdout', string[]> = { training: [], holdout: [] };
  for (
    let i = 0;
    found.training.length < count.training || found.holdout.length < count.holdout;
    i++
  ) {
    const group = `${prefix}-${i}`;
    const hash = createHash('sha256').update(group, 'utf8').digest().readUIntBE(0, 6) / 2 ** 48;
    found[hash < 0.2 ? 'holdout' : 'training'].push(group);
  }
  return [...found.training.slice(0, count.training), ...found.holdout.slice(0, count.holdout)];
}

/** A head with seeded weights. */
export function someHead(seed: number, labels = ['crop', 'weed']): Head {
  const random = createRandom(seed);
  return {
    learner: 'ridge',
    labels,
    featureSize: FEATURES,
    backboneChecksum: 'b'.repeat(64),
    transform: 'sqrt',
    weights: Float32Array.from({ length: labels.length * FEATURES }, () => random.uniform(-1, 1)),
    bias: Float32Array.from(labels, () => random.uniform(-1, 1)),
    temperature: 1.5,
  };
}

export function someCard(head: Head): NewHeadCard {
  const metrics: LabelledMetrics = {
    labels: [...head.labels],
    samples: 2,
    accuracy: 1,
    macroPrecision: 1,
    macroRecall: 1,
    macroF1: 1,
    weightedF1: 1,
    macroAuc: null,
    microAuc: 1,
    logLoss: 0.1,
    ece: 0.05,
    confusion: [
      [1, 0],
      [0, 1],
    ],
    perClass: head.labels.map(() => ({ precision: 1, recall: 1, f1: 1, auc: null, support: 1 })),
  };
  return {
    createdAt: '2026-01-01T00:00:00.000Z',
    trainingId: 'training',
    trigger: 'cli',
    learner: head.learner,
    lambda: 0.1,
    transform: head.transform,
    temperature: head.temperature,
    labels: [...head.labels],
    featureSize: head.featureSize,
    backbone: { name: 'tiny', checksum: head.backboneChecksum, fit: 'squash' },
    samples: head.labels.map((label) => ({ label, training: 5, holdout: 1, leftOut: false })),
    holdout: metrics,
    leaveGroupOut: metrics,
    leaveGroupOutMacroLogLoss: 0.2,
    gate: { promote: true, reason: 'promoted', evidence: 'holdout', samples: 2, checks: [] },
    refused: null,
    augmentation: { recipe: 'r', views: 1, seed: 1 },
    durationsMs: { fit: 1.5 },
  };
}
