import { HeadlandError } from '../base/errors.js';
import { silentLog } from '../base/log.js';
import { drawCheckPicture, drawConstantPicture } from './check-picture.js';
import type { ModelCard } from './model-card.js';
import { openEngine } from './open-engine.js';
import { compareWithGolden, type VariantGolden } from './variant-golden.js';

/**
 * Runs a converted model before it may serve. Its features must have the card's size, be finite,
 * differ between an image and plain grey, repeat themselves, and equal the card's golden features,
 * or those that an 8-bit variant gave where it was made.
 * @throws HeadlandError HL_MODEL_CHECK_FAILED, HL_MODEL_INT8_DIFFERS; also what the engine throws.
 */
export async function checkModel(
  card: ModelCard,
  model: Uint8Array,
  checksum: string,
  variantGolden: VariantGolden | null = null,
): Promise<void> {
  const engine = await openEngine({ card, model, checksum, threads: 1, log: silentLog() });
  try {
    const picture = drawCheckPicture(card.inputSize);
    const features = await engine.embed(picture);
    const grey = await engine.embed(drawConstantPicture(card.inputSize, 128));
    const again = await engine.embed(picture);
    if (distance(features, grey) === 0) {
      throw checkFailed(card, 'it computes the same features from different images');
    }
    if (distance(features, again) !== 0) {
      throw checkFailed(card, 'it computes different features from the same image');
    }
    compareGolden(card, features);
    if (variantGolden) await compareWithGolden(engine, variantGolden);
  } finally {
    await engine.close();
  }
}

function compareGolden(card: ModelCard, features: Float32Array): void {
  if (card.golden === null) return;
  const off = distance(Float64Array.from(card.golden.features), features);
  if (!(off <= card.golden.tolerance)) {
    throw checkFailed(
      card,
      `its features differ by up to ${off} from the golden features of its card; ${card.golden.tolerance} is allowed`,
    );
  }
}

/** Largest absolute difference over the elements of `a`. */
function distance(a: Float32Array | Float64Array, b: Float32Array): number {
  let greatest = 0;
  for (let i = 0; i < a.length; i++) {
    greatest = Math.max(greatest, Math.abs((a[i] as number) - (b[i] as number)));
  }
  return greatest;
}

export function checkFailed(card: ModelCard, why: string): HeadlandError {
  return new HeadlandError(
    'HL_MODEL_CHECK_FAILED',
    `backbone ${card.name} fails its check: ${why}`,
    {
      remedy:
        'In a card of your own, correct tap, normalisation or golden features. Else fetch the backbone again (`headland models pull NAME`) or use another one.',
      details: { card: card.name, why },
    },
  );
}
