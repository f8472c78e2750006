import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCachedModel } from '../src/backbone/cache.js';
import { EngineInput } from '../src/backbone/engines/engine-input.js';
import { OnnxCodec } from '../src/backbone/engines/onnx-proto.js';
import { cosine } from '../src/base/cosine.js';
import { configSchema } from '../src/config/schema.js';
import { quantizeBackbone } from '../src/models/quantize/quantize-backbone.js';
import { decodePicture } from '../src/vision/decode.js';
import type { RgbImage } from '../src/vision/image.js';
import { INSTRUCTION_NS } from '../test/board/machine.js';
import { fetchArm64Packages, LITERT_VERSION } from './support/arm/arm64-packages.js';
import { missingForGuest, runInGuest } from './support/arm/board-guest.js';
import type { CountedModel, CountRequest, ForwardCount } from './support/arm/count-forwards.js';
import { STORED_FORMS, type StoredForm, storedAs } from './support/arm/stored-forms.js';
import { tfliteModel } from './support/arm/tflite-model.js';
import { groceryPhotos } from './support/grocery.js';
import { sharedMirrors, userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';

/** Names of the rows, and what qemu calls them. No board in the field has SVE or SME yet. */
const CPUS: Record<string, string> = {
  'cortex-a72': 'cortex-a72',
  'cortex-a76': 'cortex-a76',
  max: 'max,sve=off,sme=off',
};
const PASSES = 3;
const PICTURES = 32;
const LIMITS = { maxBytes: 8_000_000, maxPixels: 25_000_000 };

/**
 * Instructions of a forward pass on an emulated ARM64 board, one thread: ONNX Runtime in fp32 and
 * with the levels of `headland models quantize` stored in several forms, and LiteRT with the same
 * weights and levels. Counts do not depend on what else this machine does. They are no times: an
 * instruction may take several cycles or a fraction of one. Options: `--cpu=NAME,…`, `--passes=N`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const missing = missingForGuest();
  if (missing !== null) return { skipped: missing };
  const photos = groceryPhotos();
  if (!photos) return { skipped: 'the grocery photos are not at ../shared/data (HEADLAND_SHARED)' };
  const option = (name: string) =>
    options.find((one) => one.startsWith(`--${name}=`))?.split('=')[1];
  const cpus = option('cpu')?.split(',') ?? Object.keys(CPUS);
  const passes = Number(option('passes') ?? PASSES);
  const work = mkdtempSync(join(tmpdir(), 'headland-arm-'));
  try {
    const share = join(work, 'share');
    fetchArm64Packages(share);
    const pictures: RgbImage[] = [];
    const train = photos.photos.filter(({ split }) => split === 'train');
    const card = await defaultCard();
    for (let i = 0; i < PICTURES; i++) {
      const photo = train[Math.floor((i * train.length) / PICTURES)];
      const bytes = readFileSync(join(photos.folder, photo?.path ?? ''));
      const { inputSize: sizePixels } = card;
      pictures.push(await decodePicture(bytes, { ...LIMITS, sizePixels, fit: 'squash' }));
    }
    const models = await writeModels(card, pictures, share);
    const request: CountRequest = {
      passes,
      instructionNs: INSTRUCTION_NS,
      featureSize: card.featureSize,
      litertLibrary: '/host/libLiteRt.so',
      models,
    };
    writeFileSync(join(share, 'request.json'), JSON.stringify(request));
    const counts: Record<string, ForwardCount[]> = {};
    for (const cpu of cpus) {
      counts[cpu] = await countOn(CPUS[cpu] ?? cpu, share);
      for (const { name, instructions } of counts[cpu] ?? []) {
        process.stderr.write(`${cpu}: ${name}: ${millions(instructions)} M\n`);
      }
    }
    const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');
    return {
      backbone: card.name,
      onnxruntime: version,
      litert: LITERT_VERSION,
      emulated: Object.fromEntries(cpus.map((cpu) => [cpu, CPUS[cpu] ?? cpu])),
      passes,
      forwards: models.map(({ name }) => figures(name, counts)),
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Of the default backbone, which is in the user's cache from then on. */
async function defaultCard() {
  const cacheDir = userCacheDir();
  const config = configSchema.parse({
    paths: { cacheDir, stateDir: cacheDir },
    models: { mirrors: sharedMirrors() },
  });
  return preparedCard(config);
}

type Card = Awaited<ReturnType<typeof defaultCard>>;

/** Writes every model and its input; the features are those of the first picture. */
async function writeModels(
  card: Card,
  pictures: readonly RgbImage[],
  share: string,
): Promise<CountedModel[]> {
  const { inputSize } = card;
  const picture = pictures[0] as RgbImage;
  mkdirSync(join(share, 'models'));
  const write = (file: string, bytes: Uint8Array): string => {
    writeFileSync(join(share, 'models', file), bytes);
    return `/host/models/${file}`;
  };
  const inputOf = (file: string, layout: Card['layout'], inputDims: number[]) => {
    const input = new EngineInput({ ...card, layout });
    input.fill(picture);
    return { input: write(file, new Uint8Array(input.values.buffer)), inputDims };
  };
  const planes = inputOf('planes', 'NCHW-RGB', [1, 3, inputSize, inputSize]);
  const pixels = inputOf('pixels', 'NHWC-RGB', [1, inputSize, inputSize, 3]);
  const onnx = (name: string, bytes: Uint8Array): CountedModel => {
    return { name, engine: 'onnxruntime', file: write(`${name}.onnx`, bytes), ...planes };
  };
  const tflite = (name: string, bytes: Uint8Array): CountedModel => {
    return { name, engine: 'litert', file: write(`${name}.tflite`, bytes), ...pixels };
  };
  const codec = new OnnxCodec();
  const cacheDir = userCacheDir();
  const { model: fp32 } = await readCachedModel(card, cacheDir);
  const { model: int8 } = await quantizeBackbone({
    card,
    cacheDir,
    pictures,
    kernels: { dense: 'exact', depthwise: 'exact' },
    onProgress: () => {},
  });
  const stored = (form: StoredForm) => storedAs(codec.decode(int8), form);
  const signed = stored({ activations: 'int8', weights: 'int8', scales: 'per-channel' });
  return [
    onnx('onnxruntime fp32', fp32),
    tflite('litert fp32', tfliteModel(codec.decode(fp32))),
    tflite('litert int8, int8 weights, per-channel', tfliteModel(signed)),
    ...STORED_FORMS.map((form) =>
      onnx(
        `onnxruntime ${form.activations}, ${form.weights} weights, ${form.scales}`,
        codec.encode(stored(form)),
      ),
    ),
  ];
}

async function countOn(cpu: string, share: string): Promise<ForwardCount[]> {
  const project = fileURLToPath(new URL('../../', import.meta.url));
  const script = [
    'mkdir -p /project',
    'mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose project /project',
    'cp /host/node /root/node',
    'export NODE_PATH=/host/node_modules',
    '/root/node /project/dist/bench/support/arm/count-forwards.js /host/request.json',
  ].join('\n');
  const output = await runInGuest({ cpu, project, share, script });
  return JSON.parse(output.trim().split('\n').at(-1) as string) as ForwardCount[];
}

function figures(name: string, counts: Record<string, ForwardCount[]>) {
  const of = (cpu: string) => counts[cpu]?.find((count) => count.name === name) as ForwardCount;
  const cpus = Object.keys(counts);
  return {
    name,
    instructions_millions: Object.fromEntries(
      cpus.map((cpu) => [cpu, millions(of(cpu).instructions)]),
    ),
    spread_millions: Object.fromEntries(cpus.map((cpu) => [cpu, millions(of(cpu).spread)])),
    cosine_to_fp32: Object.fromEntries(
      cpus.map((cpu) => {
        const [features, fp32] = [of(cpu), counts[cpu]?.[0]].map((count) =>
          Float32Array.from(count?.features ?? []),
        ) as [Float32Array, Float32Array];
        return [cpu, Math.round(10_000 * cosine(features, fp32)) / 10_000];
      }),
    ),
  };
}

function millions(count: number): number {
  return Math.round(count / 100_000) / 10;
}
