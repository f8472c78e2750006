import type { Backbone } from '../../backbone/backbone.js';
import { type CachedModel, readCachedModel, writeCachedModel } from '../../backbone/cache.js';
import { checkModel } from '../../backbone/check-model.js';
import { drawCheckPicture } from '../../backbone/check-picture.js';
import { OnnxEngine } from '../../backbone/engines/engine-onnx.js';
import { goldenOf } from '../../backbone/variant-golden.js';
import type { QuantizedModel } from './quantize-backbone.js';

/** Opens an engine for a variant that is not in the cache. */
export function openQuantized({ card, model, checksum }: QuantizedModel): Promise<Backbone> {
  return OnnxEngine.create({ card, model, checksum, threads: 1 });
}

/**
 * Checks a variant and stores it in the cache, durably and in one step, with its features of the
 * check picture, so that opening it detects a machine that computes other features.
 *
 * @param report Written to the cache's record.
 * @throws HeadlandError HL_MODEL_CHECK_FAILED, HL_MODEL_NOT_CACHED, HL_MODEL_CHECKSUM
 */
export async function keepQuantized(
  quantized: QuantizedModel,
  cacheDir: string,
  report: object,
): Promise<CachedModel> {
  const { card, base, model, checksum } = quantized;
  await checkModel(card, model, checksum);
  const { source, sourceSha256, ...cached } = await readCachedModel(base, cacheDir);
  const fp32 = await OnnxEngine.create({ ...cached, card: base, threads: 1 });
  const features = await fp32.embed(drawCheckPicture(base.inputSize)).finally(() => fp32.close());
  const engine = await openQuantized(quantized);
  const variantGolden = await goldenOf(engine, features).finally(() => engine.close());
  const converted = { model, checksum, source, sourceSha256, variantGolden, quantization: report };
  return writeCachedModel(card, cacheDir, converted);
}
