import type { Backbone } from '../backbone.js';
import { type CachedModel, readCachedModel, writeCachedModel } from '../cache.js';
import { checkModel } from '../check-model.js';
import { drawCheckPicture } from '../check-picture.js';
import { OnnxEngine } from '../engine-onnx.js';
import type { QuantizedModel } from './quantize.js';

/** Features of the check picture that stand beside the model. */
const GOLDEN_FEATURES = 32;
/**
 * Processors round a few levels otherwise; where sums saturate features go astray by far more. As a
 * share of the largest golden feature.
 */
const GOLDEN_TOLERANCE = 0.1;

/** An engine for a variant that is not in the cache. */
export function openQuantized({ card, model, checksum }: QuantizedModel): Promise<Backbone> {
  return OnnxEngine.create({ card, model, checksum, threads: 1 });
}

/**
 * Checks a variant and puts it into the cache, durably and in one step, with what it computes of
 * the check picture, so that `models verify` notices a machine on which it computes something else.
 *
 * @param report Goes into the cache's record.
 * @throws HeadlandError HL_MODEL_CHECK_FAILED
 */
export async function keepQuantized(
  quantized: QuantizedModel,
  cacheDir: string,
  report: object,
): Promise<CachedModel> {
  const { card, base, model, checksum } = quantized;
  await checkModel(card, model, checksum);
  const engine = await openQuantized(quantized);
  const features = await engine
    .embed(drawCheckPicture(card.inputSize))
    .then((all) => [...all.subarray(0, GOLDEN_FEATURES)])
    .finally(() => engine.close());
  const golden = { features, tolerance: GOLDEN_TOLERANCE * Math.max(1, ...features.map(Math.abs)) };
  const { source, sourceSha256 } = await readCachedModel(base, cacheDir);
  const converted = { model, checksum, source, sourceSha256, golden, quantization: report };
  return writeCachedModel(card, cacheDir, converted);
}
