import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agreementOf } from '../src/backbone/agreement.js';
import { cachedModelDir, readCachedModel } from '../src/backbone/cache.js';
import { Embedder } from '../src/backbone/embedder.js';
import type { ModelCard } from '../src/backbone/model-card.js';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { type Config, configSchema } from '../src/config/schema.js';
import { spread } from '../src/evaluation/backbone/quantize-pictures.js';
import { keepQuantized } from '../src/models/quantize/keep.js';
import { probeIntegerKernels } from '../src/models/quantize/kernels.js';
import { type QuantizedModel, quantizeBackbone } from '../src/models/quantize/quantize-backbone.js';
import type { RgbImage } from '../src/vision/image.js';
import { cameraPictures } from './support/camera-pictures.js';
import {
  bareDecode,
  bareEngine,
  bareParts,
  type Contender,
  inThread,
  standInHead,
  writePictures,
} from './support/contenders.js';
import { DaemonWay } from './support/daemon-way.js';
import { groceryPhotos } from './support/grocery.js';
import { int8Accuracy } from './support/int8-accuracy.js';
import { PeerProcess } from './support/peer-process.js';
import { writePeerRequest } from './support/peer-request.js';
import { sharedMirrors, userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { openTfjs } from './support/tfjs-peer.js';
import { round } from './support/timings.js';
import { type Medians, type Turns, takeTurns } from './support/turns.js';

const ROUNDS = 24;
const FRAMES_A_TURN = 12;
const LEAD_IN_FRAMES = 4;
const CALIBRATION_PICTURES = 128;
/** Behind the name of a contender that decodes the next frame meanwhile. */
const OVERLAPPED = '-overlapped';
const PEERS = [
  'litert-fp32',
  'litert-int8',
  'litert-fp32+opencv',
  'litert-int8+opencv',
  'torch',
  'opencv+opencv',
];

/**
 * Milliseconds from a 640 x 480 JPEG file to a decision, and of the network alone: ours in 32 and
 * 8 bits beside bare ONNX Runtime, bare libvips and other runtimes with the same weights, all on
 * one thread, turn by turn in one run. With `--accuracy` also what 8 bits lose on the groceries.
 * Options: name of a backbone, `--rounds=N`, `--frames=N` a turn, `--accuracy`, `--accuracy-only`.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const named = options.find((option) => !option.startsWith('--'));
  const number = (option: string, fallback: number) =>
    Number(options.find((o) => o.startsWith(`--${option}=`))?.split('=')[1] ?? fallback);
  const turns = {
    rounds: number('rounds', ROUNDS),
    frames: number('frames', FRAMES_A_TURN),
    leadInFrames: LEAD_IN_FRAMES,
  };
  const config = configSchema.parse({
    paths: { cacheDir, stateDir: cacheDir },
    models: {
      ...(named ? { backbone: named } : {}),
      mirrors: sharedMirrors(),
    },
  });
  const name = config.models.backbone;
  const card = await preparedCard(config);
  const work = mkdtempSync(join(tmpdir(), 'headland-inference-'));
  try {
    mkdirSync(join(work, 'backbones'));
    cpSync(realpathSync(cachedModelDir(cacheDir, name)), cachedModelDir(work, name), {
      recursive: true,
    });
    const pictures = await calibrationPictures(card, work, config);
    const kernels = await probeIntegerKernels();
    const made = await quantizeBackbone({
      card,
      cacheDir: work,
      pictures,
      kernels,
      onProgress: () => {},
    });
    await keepQuantized(made, work, {});
    const jpegs = await cameraPictures();
    const files = writePictures(join(work, 'pictures'), jpegs);
    const { model, checksum } = await readCachedModel(card, work);
    const { weights: headWeights } = standInHead({ featureSize: card.featureSize, checksum });
    const request = writePeerRequest({ card, work, model, files, pictures, headWeights });
    const timed = options.includes('--accuracy-only')
      ? {}
      : await timings({ card, made, model, work, config, turns, jpegs, files, request });
    const accuracy = options.some((option) => option.startsWith('--accuracy'))
      ? { accuracy: await accuracyOf(card, made, work, request) }
      : {};
    return {
      backbone: name,
      ...timed,
      ...accuracy,
      features: { cosine: made.agreement.cosine, relative_error: made.agreement.relativeError },
      calibration: { pictures: pictures.length, ranges: made.rangeMethod, kernels },
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Of our 8 bits and of LiteRT's, where that is installed. */
async function accuracyOf(
  card: ModelCard,
  made: QuantizedModel,
  work: string,
  request: string,
): Promise<Record<string, unknown>> {
  const litert = await PeerProcess.open('litert-int8', request);
  try {
    return await int8Accuracy(card, made, work, typeof litert === 'string' ? null : litert);
  } finally {
    if (typeof litert !== 'string') litert.close();
  }
}

interface Setting {
  card: ModelCard;
  made: QuantizedModel;
  /** Of `card`. */
  model: Uint8Array;
  work: string;
  config: Config;
  turns: Turns;
  jpegs: readonly Uint8Array[];
  /** `jpegs` on disk. */
  files: readonly string[];
  /** What the peers are to do, a file. */
  request: string;
}

async function timings(setting: Setting): Promise<Record<string, unknown>> {
  const { card, made, model, work, config, turns, jpegs, files, request } = setting;
  const daemon = (backbone: string) =>
    DaemonWay.start({
      config: { paths: { cacheDir: work, stateDir: work }, models: { backbone } },
      files: [...files],
    });
  const ours = await daemon(card.name);
  const ours8 = await daemon(made.card.name);
  const missing: Record<string, string> = {};
  const about: Record<string, unknown> = {};
  const contenders: Contender[] = [
    bareDecode('bare-decode', jpegs, card.inputSize),
    await bareEngine('bare-engine-fp32', model, card.inputSize),
    await bareEngine('bare-engine-int8', made.model, card.inputSize),
    await bareParts('bare-parts-fp32', model, jpegs, card.inputSize),
    await bareParts('bare-parts-int8', made.model, jpegs, card.inputSize),
    ours.oneByOne('ours-fp32'),
    ours8.oneByOne('ours-int8'),
    ours.overlapped(`ours-fp32${OVERLAPPED}`),
    ours8.overlapped(`ours-int8${OVERLAPPED}`),
  ];
  const reference = await firstFeatures(card, work, config, jpegs[0] as Uint8Array);
  for (const runtime of PEERS) {
    const peer = await PeerProcess.open(runtime, request);
    if (typeof peer === 'string') {
      missing[runtime] = peer;
      continue;
    }
    const { features, ready: _, ...facts } = peer.start;
    const { cosine } = agreementOf([reference], [Float32Array.from(features)]);
    about[runtime] = { ...facts, cosine: round(cosine) };
    contenders.push({
      name: runtime,
      run: async (frames) => {
        const { engine_ms: engineMs, frame_ms: frameMs, cpu_ms: cpuMs } = await peer.run(frames);
        return { engineMs, frameMs, cpuMs };
      },
      close: async () => peer.close(),
    });
  }
  const tfjs = await openTfjs(card, config);
  if (typeof tfjs === 'string') missing.tfjs = tfjs;
  else {
    about.tfjs = { engine: tfjs.engine };
    const own = standInHead(tfjs);
    contenders.push(inThread('tfjs', tfjs, own, config.inference, files));
  }
  const medians = await takeTurns(contenders, turns);
  for (const contender of contenders) await contender.close();
  return {
    ...figures(medians),
    rounds: turns.rounds,
    frames_a_turn: turns.frames,
    lead_in_frames: turns.leadInFrames,
    peers: about,
    missing,
  };
}

function figures(medians: Medians): Record<string, unknown> {
  const frame = (name: string) => medians[name]?.frame_ms ?? Number.NaN;
  const engine = (name: string) => medians[name]?.engine_ms ?? Number.NaN;
  const cpu = (name: string) => medians[name]?.cpu_ms ?? Number.NaN;
  type Of = (name: string) => number;
  const warm = (decode: Of, network: Of, precision: string) =>
    decode('bare-decode') + network(`bare-engine-${precision}`);
  const both = (ratio: Of) => ({ fp32: round(ratio('fp32')), int8: round(ratio('int8')) });
  const peers = Object.keys(medians).filter((name) => !/^(ours|bare)/.test(name));
  const ratios = Object.fromEntries(
    peers.map((name) => {
      const own = name.includes('int8') ? 'ours-int8' : 'ours-fp32';
      const ratio = {
        frame: round(frame(name) / frame(own)),
        interval: round(frame(name) / frame(own + OVERLAPPED)),
        cpu: round(cpu(name) / cpu(own)),
      };
      return [name, ratio];
    }),
  );
  return {
    // Parts in turn, as a frame has them; then each measured by itself, with warm caches.
    frame_over_parts: both((p) => frame(`ours-${p}`) / frame(`bare-parts-${p}`)),
    cpu_over_parts: both((p) => cpu(`ours-${p}`) / cpu(`bare-parts-${p}`)),
    frame_over_warm_parts: both((p) => frame(`ours-${p}`) / warm(frame, engine, p)),
    cpu_over_warm_parts: both((p) => cpu(`ours-${p}`) / warm(cpu, cpu, p)),
    int8_engine_speedup: round(engine('bare-engine-fp32') / engine('bare-engine-int8')),
    int8_frame_speedup: round(frame('ours-fp32') / frame('ours-int8')),
    // interval: a peer's frame against the time from decision to decision of overlapped frames.
    peer_over_ours: ratios,
    frames_per_second: both((p) => 1_000 / frame(`ours-${p}${OVERLAPPED}`)),
    milliseconds: medians,
  };
}

/** Pictures for the ranges: training photos of the groceries, else drawn ones. */
async function calibrationPictures(
  card: ModelCard,
  cacheDir: string,
  { inference }: Config,
): Promise<RgbImage[]> {
  const found = groceryPhotos();
  const files = (found?.photos ?? [])
    .filter(({ split }) => split === 'train')
    .map(({ path }) => readFileSync(join(found?.folder ?? '', path)));
  const pictures = files.length > 0 ? files : await cameraPictures();
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { fit, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = inference;
  const embedder = new Embedder(backbone, { fit, maxBytes, maxPixels });
  const decoded: RgbImage[] = [];
  for (const picture of spread(pictures, CALIBRATION_PICTURES)) {
    decoded.push(await embedder.decode(picture));
  }
  await backbone.close();
  return decoded;
}

async function firstFeatures(
  card: ModelCard,
  cacheDir: string,
  { inference }: Config,
  picture: Uint8Array,
): Promise<Float32Array> {
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { fit, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = inference;
  const { features } = await new Embedder(backbone, { fit, maxBytes, maxPixels }).embedPicture(
    picture,
  );
  await backbone.close();
  return features;
}
