import type { Agreement } from '../../backbone/agreement.js';
import { loadCard } from '../../backbone/card-folders.js';
import { Embedder } from '../../backbone/embedder.js';
import { openBackbone } from '../../backbone/open-backbone.js';
import { fullPrecisionName } from '../../backbone/variant.js';
import type { Log } from '../../base/log.js';
import type { NonEmpty } from '../../base/non-empty.js';
import type { Config } from '../../config/schema.js';
import { keepQuantized, openQuantized } from '../../models/quantize/keep.js';
import type { IntegerKernels } from '../../models/quantize/kernels.js';
import { type QuantizedModel, quantizeBackbone } from '../../models/quantize/quantize-backbone.js';
import type { SampleStore } from '../../samples/store.js';
import { type AccuracyComparison, compareAccuracy } from './quantize-accuracy.js';
import { folderPictures, readPictures, storedPictures } from './quantize-pictures.js';

export interface QuantizationRun {
  /** Model card of the fp32 backbone, or the name of its variant. */
  name: string;
  settings: Pick<Config, 'models' | 'inference' | 'quantization'>;
  cacheDir: string;
  /** Folder of added backbones. */
  addedCardsDir?: string;
  /** Of the tasks on whose labels the accuracy is compared. */
  stores: NonEmpty<SampleStore>;
  /** Folder of images for the calibration, instead of the stored ones. */
  photosDir: string | null;
  /** Kernels of this machine: {@link probeIntegerKernels}. */
  kernels: IntegerKernels;
  onProgress: (phase: 'calibrate' | 'compare' | 'accuracy', done: number, total: number) => void;
  log: Log;
}

export interface QuantizationReport {
  schema: 1;
  backbone: string;
  /** Value for models.backbone. */
  variant: string;
  kept: boolean;
  /** The reason in words, with the figure that decided. */
  reason: string;
  /** SHA-256 (hex) of the 8-bit model. */
  checksum: string;
  bytes: { fp32: number; int8: number };
  pictures: { source: string; calibration: number; compared: number };
  agreement: Agreement;
  /**
   * For each task with enough labels to compare. Below quantization.minLabelled samples it is shown
   * but does not decide.
   */
  accuracies: AccuracyComparison[];
  /** Median of a forward pass on this machine, one thread. */
  milliseconds: { fp32: number; int8: number };
  speedup: number;
  made: Pick<
    QuantizedModel,
    'rangeMethod' | 'activations' | 'kernels' | 'layers' | 'layersLeft' | 'tried'
  >;
}

/**
 * Makes the 8-bit variant of a cached backbone from the robot's own images, compares it with the
 * fp32 backbone, and keeps it if the loss is within `settings.quantization`. If the new variant is
 * refused, the old one stays.
 *
 * @throws HeadlandError HL_MODEL_CARD_UNKNOWN, HL_MODEL_NOT_CACHED, HL_QUANTIZE_…
 */
export async function runQuantization(run: QuantizationRun): Promise<QuantizationReport> {
  const { settings, cacheDir, stores, log } = run;
  const limits = settings.quantization;
  const { cardsDir } = settings.models;
  const card = await loadCard(fullPrecisionName(run.name), cardsDir, run.addedCardsDir);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log });
  try {
    const { fit, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = settings.inference;
    const pictureOptions = { fit, maxBytes, maxPixels };
    const fp32 = new Embedder(backbone, pictureOptions);
    const source = run.photosDir ? await folderPictures(run.photosDir) : storedPictures(stores);
    const pictures = await readPictures(source, fp32, limits);
    const { kernels, onProgress } = run;
    const made = await quantizeBackbone({ card, cacheDir, pictures, kernels, onProgress });
    const quantized = await openQuantized(made);
    const accuracies: AccuracyComparison[] = [];
    try {
      for (const store of stores) {
        const accuracy = await compareAccuracy({
          store,
          fp32,
          int8: new Embedder(quantized, pictureOptions),
          maxLabelled: limits.maxLabelled,
          onStep: (done, total) => onProgress('accuracy', done, total),
        });
        if (accuracy !== null) accuracies.push(accuracy);
      }
    } finally {
      await quantized.close();
    }
    const { agreement, milliseconds, rangeMethod, activations, layers, layersLeft, tried } = made;
    const report: QuantizationReport = {
      schema: 1,
      backbone: card.name,
      variant: made.card.name,
      ...decide(agreement, accuracies, limits),
      checksum: made.checksum,
      bytes: made.bytes,
      pictures: {
        source: source.name,
        calibration: made.calibrationPictures,
        compared: agreement.pictures,
      },
      agreement,
      accuracies,
      milliseconds,
      speedup: milliseconds.fp32 / milliseconds.int8,
      made: { rangeMethod, activations, kernels, layers, layersLeft, tried },
    };
    if (report.kept) await keepQuantized(made, cacheDir, report);
    return report;
  } finally {
    await backbone.close();
  }
}

/**
 * Keeps a variant whose loss is within the limits for every task, as far as the samples can tell.
 */
export function decide(
  agreement: Agreement,
  accuracies: readonly AccuracyComparison[],
  limits: Config['quantization'],
): { kept: boolean; reason: string } {
  const cosine = `the features agree to a cosine of ${agreement.cosine.toFixed(4)}`;
  if (!(agreement.cosine >= limits.minCosine)) {
    return { kept: false, reason: `${cosine}, below the limit of ${limits.minCosine}` };
  }
  // One standard error: otherwise a few samples could refuse a good variant by chance.
  const excess = ({ loss, standardError }: AccuracyComparison): number => loss - standardError;
  const [worst] = accuracies
    .filter(({ samples }) => samples >= limits.minLabelled)
    .sort((a, b) => excess(b) - excess(a));
  if (worst === undefined) {
    return {
      kept: true,
      reason: `${cosine}; there are too few labelled samples to judge accuracy`,
    };
  }
  const { task, loss, standardError, samples } = worst;
  const points = (share: number) => `${(100 * share).toFixed(2)} points`;
  const of = accuracies.length > 1 ? ` for ${task}` : '';
  const lost = `${points(loss)} of accuracy lost${of} (± ${points(standardError)}, ${samples} samples)`;
  if (excess(worst) > limits.maxAccuracyLoss) {
    return { kept: false, reason: `${lost}, above the limit of ${points(limits.maxAccuracyLoss)}` };
  }
  return { kept: true, reason: `${cosine}; ${lost}` };
}
