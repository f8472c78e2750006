import { type Agreement, agreementOf } from '../../backbone/agreement.js';
import { readCachedModel } from '../../backbone/cache.js';
import { conversionRecipe } from '../../backbone/conversion-recipe.js';
import { OnnxEngine } from '../../backbone/engines/engine-onnx.js';
import { invalidOnnx, OnnxCodec, type OnnxModel } from '../../backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { quantizedCard } from '../../backbone/variant.js';
import { HeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { RgbImage } from '../../vision/image.js';
import type { IntegerKernels } from './kernels.js';
import { planQuantization, type QuantizationPlan } from './quantization-plan.js';
import {
  chooseRange,
  type Quantizer,
  quantizerOf,
  RANGE_METHODS,
  type RangeMethod,
} from './ranges.js';
import { recordActivations } from './record-activations.js';
import { rewriteQuantized } from './rewrite.js';
import { simplifyModel } from './simplify.js';

export interface QuantizeOptions {
  /** Card of the fp32 backbone, which must be in the cache. */
  card: ModelCard;
  cacheDir: string;
  /** S x S each, a few dozen images of the robot's camera. */
  pictures: readonly RgbImage[];
  /** Kernels of the machine that the variant is made for: {@link probeIntegerKernels}. */
  kernels: IntegerKernels;
  onProgress: (phase: 'calibrate' | 'compare', done: number, total: number) => void;
}

export interface QuantizedModel {
  /** Card of the variant. */
  card: ModelCard;
  /** Card of the fp32 backbone. */
  base: ModelCard;
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  checksum: string;
  /** Sizes of the model files. */
  bytes: { fp32: number; int8: number };
  /** How activations are stored and how their ranges were chosen. */
  activations: Activations;
  rangeMethod: RangeMethod;
  /** Kernels that the variant was made for. */
  kernels: IntegerKernels;
  /** Number of layers in 8 bits, and of nodes that stay in 32 bits. */
  layers: number;
  layersLeft: number;
  calibrationPictures: number;
  /** Agreement on images that were not used for calibration. */
  agreement: Agreement;
  /** Agreement of every method that was tried. */
  tried: { rangeMethod: RangeMethod; agreement: Agreement }[];
  /** Median milliseconds of a forward pass, one thread, in turns. */
  milliseconds: { fp32: number; int8: number };
}

type Activations = 'uint8' | 'int8';

/** One image in this many is held out from calibration, to compare features on. */
const HELD_OUT = 4;
const MAX_ACTIVATION_BYTES = 64_000_000;
const TIMED_ROUNDS = 12;
/** Won rounds out of {@link TIMED_ROUNDS} that chance alone gives in 3 of 1,000 comparisons. */
const CLEAR_WINS = 11;

/** @throws HeadlandError HL_QUANTIZE_ENGINE */
export function requireOnnxEngine(card: ModelCard): void {
  if (card.engine === 'onnx') return;
  throw new HeadlandError(
    'HL_QUANTIZE_ENGINE',
    `backbone ${card.name} runs on TensorFlow.js; only ONNX backbones are made 8-bit`,
    { remedy: 'Choose a backbone that `headland models list` does not mark "engine: tfjs".' },
  );
}

/**
 * Makes the static 8-bit variant of a cached backbone. Weights are symmetric per output channel and
 * small enough that the kernels do not saturate. The ranges of activations are calibrated on the
 * robot's own images, and the biases correct the shift of means by rounding. The range method whose
 * features agree best with fp32 on held-out images is chosen, and the stored form of the levels by
 * {@link storedActivations}. Writes nothing.
 *
 * @throws HeadlandError HL_QUANTIZE_ENGINE for a backbone that is not ONNX, HL_MODEL_NOT_CACHED,
 *   HL_MODEL_CHECKSUM, HL_MODEL_ONNX_INVALID
 */
export async function quantizeBackbone(options: QuantizeOptions): Promise<QuantizedModel> {
  const { card, cacheDir, kernels, onProgress } = options;
  requireOnnxEngine(card);
  const cached = await readCachedModel(card, cacheDir);
  const model = await simplifyModel(cached.model, cacheDir);
  const plan = planQuantization(model);
  if (plan.layers.length === 0)
    throw invalidOnnx('it has no layer that can run in 8 bits', {
      remedy: 'Keep the fp32 backbone, or choose another one for 8 bits.',
    });
  const calibration = options.pictures.filter((_, i) => i % HELD_OUT !== 0);
  const heldOut = options.pictures.filter((_, i) => i % HELD_OUT === 0);
  const records = await recordActivations(model, plan.tensors, {
    card,
    pictures: calibration,
    maxBytes: MAX_ACTIVATION_BYTES,
    onStep: (done, total) => onProgress('calibrate', done, total),
  });
  const channelMeans = new Map([...records].map(([name, record]) => [name, record.channelMeans]));
  const variant = quantizedCard(card);
  const write = (rangeMethod: RangeMethod, activations: Activations): Uint8Array => {
    const quantizers = new Map<string, Quantizer>();
    for (const [name, { histogram }] of records) {
      quantizers.set(name, quantizerOf(chooseRange(histogram, rangeMethod)));
    }
    const written = rewriteQuantized(model, {
      plan,
      quantizers,
      channelMeans,
      kernels,
      activations,
    });
    return new OnnxCodec().encode(withRecipe(written, variant));
  };
  const total = heldOut.length * (1 + RANGE_METHODS.length);
  let done = 0;
  const step = (): void => onProgress('compare', ++done, total);
  const reference = await featuresOf(card, cached.model, heldOut, step);
  const tried: { rangeMethod: RangeMethod; agreement: Agreement }[] = [];
  for (const rangeMethod of RANGE_METHODS) {
    const features = await featuresOf(variant, write(rangeMethod, 'uint8'), heldOut, step);
    tried.push({ rangeMethod, agreement: agreementOf(reference, features) });
  }
  const best = tried.reduce((a, b) => (b.agreement.cosine > a.agreement.cosine ? b : a));
  const forms = { uint8: write(best.rangeMethod, 'uint8'), int8: write(best.rangeMethod, 'int8') };
  const times = await timeForwards(
    { fp32: [card, cached.model], uint8: [variant, forms.uint8], int8: [variant, forms.int8] },
    heldOut[0] as RgbImage,
  );
  const activations = storedActivations(process.arch, times);
  return {
    card: variant,
    base: card,
    model: forms[activations],
    bytes: { fp32: cached.model.length, int8: forms[activations].length },
    checksum: sha256Hex(forms[activations]),
    activations,
    rangeMethod: best.rangeMethod,
    kernels,
    ...countLayers(model, plan),
    calibrationPictures: calibration.length,
    agreement: best.agreement,
    tried,
    milliseconds: { fp32: median(times.fp32), int8: median(times[activations]) },
  };
}

/** Writes what identifies the features completely into the file, as in the fp32 one. */
function withRecipe(model: OnnxModel, card: ModelCard): OnnxModel {
  const metadataProps = Object.entries(conversionRecipe(card)).map(([key, value]) => ({
    key: `headland.${key}`,
    value: JSON.stringify(value),
  }));
  return { ...model, producerName: 'headland', producerVersion: '', metadataProps };
}

function countLayers(
  { graph }: OnnxModel,
  { layers, fused }: QuantizationPlan,
): { layers: number; layersLeft: number } {
  return { layers: layers.length, layersLeft: graph.node.length - layers.length - fused.size };
}

async function featuresOf(
  card: ModelCard,
  model: Uint8Array,
  pictures: readonly RgbImage[],
  onStep: () => void,
): Promise<Float32Array[]> {
  const engine = await OnnxEngine.create({ card, model, checksum: '', threads: 1 });
  try {
    const features: Float32Array[] = [];
    for (const picture of pictures) {
      features.push(await engine.embed(picture));
      onStep();
    }
    return features;
  } finally {
    await engine.close();
  }
}

/**
 * The form that needs fewer instructions on most processors of this architecture (signed on ARM64,
 * see bench/results/arm.md), unless the other one won nearly all rounds, which chance on a busy
 * machine cannot explain.
 *
 * @param times of the same {@link TIMED_ROUNDS} rounds, milliseconds
 */
export function storedActivations(
  architecture: NodeJS.Architecture,
  times: Record<Activations, readonly number[]>,
): Activations {
  const [usual, other]: [Activations, Activations] =
    architecture === 'arm64' ? ['int8', 'uint8'] : ['uint8', 'int8'];
  const wins = times[other].filter((time, round) => time < (times[usual][round] as number)).length;
  return wins >= CLEAR_WINS ? other : usual;
}

/** Milliseconds of each round, in which every model has its turn. */
async function timeForwards<Name extends string>(
  models: Record<Name, [card: ModelCard, model: Uint8Array]>,
  picture: RgbImage,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(models) as Name[];
  const engines: OnnxEngine[] = [];
  try {
    for (const name of names) {
      const [card, model] = models[name];
      engines.push(await OnnxEngine.create({ card, model, checksum: '', threads: 1 }));
    }
    const times = names.map((): number[] => []);
    for (let round = 0; round < 1 + TIMED_ROUNDS; round++) {
      for (const [i, engine] of engines.entries()) {
        const begin = performance.now();
        await engine.embed(picture);
        if (round > 0) times[i]?.push(performance.now() - begin);
      }
    }
    return Object.fromEntries(names.map((name, i) => [name, times[i]])) as Record<Name, number[]>;
  } finally {
    for (const engine of engines) await engine.close();
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] as number;
}
