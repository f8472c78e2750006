import type { Backbone } from '../../../backbone/backbone.js';
import { loadCard } from '../../../backbone/card-folders.js';
import { drawCheckPicture } from '../../../backbone/check-picture.js';
import type { ModelCard } from '../../../backbone/model-card.js';
import { openBackbone } from '../../../backbone/open-backbone.js';
import { isHeadlandError } from '../../../base/errors.js';
import { silentLog } from '../../../base/log.js';
import { addedCardsDir } from '../../open-state.js';
import { type Finding, ok, type RobotContext, skipped, warning } from '../doctor-check.js';

/** Passes that are measured, after one that warms up. */
const MEASURED_PASSES = 3;

/** Opens the backbone on its engine, and says which engine that is and why. */
export async function checkEngine({ config }: RobotContext): Promise<Finding[]> {
  const { models, inference, paths } = config;
  const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir(config));
  let backbone: Backbone;
  try {
    const { threads } = inference;
    backbone = await openBackbone({ card, cacheDir: paths.cacheDir, threads, log: silentLog() });
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    if (error.code === 'HL_MODEL_INT8_DIFFERS') return [warning(error)];
    const { code } = error;
    if (code !== 'HL_ENGINE_UNAVAILABLE' && code !== 'HL_TFJS_UNAVAILABLE') {
      return [skipped(`needs an intact backbone in the cache (${code})`)];
    }
    throw error;
  }
  try {
    const milliseconds = await measure(backbone);
    const bits = card.precision === 'int8' ? '8 bits' : '32 bits';
    const reason = `${backbone.engine}, ${bits}, ${milliseconds.toFixed(1)} ms a forward pass: ${whyEngine(card)}; ${whyPrecision(card)}`;
    const facts = { engine: backbone.engine, precision: card.precision ?? 'fp32', milliseconds };
    return [ok(reason, { facts })];
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
