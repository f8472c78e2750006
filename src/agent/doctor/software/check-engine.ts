import type { Backbone } from '../../../backbone/backbone.js';
import { type CachedModel, readCachedModel } from '../../../backbone/cache.js';
import { loadCard } from '../../../backbone/card-folders.js';
import { drawCheckPicture } from '../../../backbone/check-picture.js';
import type { ModelCard } from '../../../backbone/model-card.js';
import { openAccelerated } from '../../../backbone/open-accelerated.js';
import { compareWithGolden } from '../../../backbone/variant-golden.js';
import { isHeadlandError } from '../../../base/errors.js';
import { silentLog } from '../../../base/log.js';
import { addedCardsDir, perceptionSettings } from '../../seeing/perception-settings.js';
import { type Finding, ok, type RobotContext, skipped, warning } from '../doctor-check.js';

/** Passes that are measured, after one that warms up. */
const MEASURED_PASSES = 3;

/** Opens the backbone as the daemon does, and says on which engine, where, and why. */
export async function checkEngine({ config }: RobotContext): Promise<Finding[]> {
  const { models, paths } = config;
  const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir(config));
  let cached: CachedModel;
  try {
    cached = await readCachedModel(card, paths.cacheDir);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return [skipped(`needs an intact backbone in the cache (${error.code})`)];
  }
  const { threads, execution } = perceptionSettings(config);
  const { model, checksum, variantGolden } = cached;
  const { backbone, fallback } = await openAccelerated(
    { card, model, checksum, threads, log: silentLog() },
    execution,
  );
  try {
    if (variantGolden) await compareWithGolden(backbone, variantGolden);
    const milliseconds = await measure(backbone);
    const facts = { engine: backbone.engine, precision: card.precision ?? 'fp32', milliseconds };
    if (fallback !== null) return [warning(fallback, { facts })];
    const bits = card.precision === 'int8' ? '8 bits' : '32 bits';
    const why = [
      whyEngine(card),
      whyPrecision(card),
      `inference.executionProvider is ${execution.provider}`,
    ].join('; ');
    const pace = `${milliseconds.toFixed(1)} ms a forward pass`;
    return [ok(`${backbone.engine}, ${bits}, ${pace}: ${why}`, { facts })];
  } catch (error) {
    // The daemon takes the fp32 backbone instead.
    if (isHeadlandError(error, 'HL_MODEL_INT8_DIFFERS')) return [warning(error)];
    throw error;
  } finally {
    await backbone.close();
  }
}

async function measure(backbone: Backbone): Promise<number> {
  const image = drawCheckPicture(backbone.inputSize);
  await backbone.embed(image);
  const startMs = performance.now();
  for (let pass = 0; pass < MEASURED_PASSES; pass += 1) await backbone.embed(image);
  return (performance.now() - startMs) / MEASURED_PASSES;
}

function whyEngine({ name, engine }: ModelCard): string {
  return `the card of ${name} names the engine ${engine === 'tfjs' ? 'TensorFlow.js' : 'ONNX Runtime'}`;
}

function whyPrecision({ precision }: ModelCard): string {
  return precision === 'int8'
    ? 'models.backbone names the 8-bit variant'
    : 'models.backbone names no 8-bit variant';
}
