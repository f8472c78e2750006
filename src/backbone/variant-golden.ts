import { HeadlandError } from '../base/errors.js';
import { type Agreement, agreementOf } from './agreement.js';
import type { Backbone } from './backbone.js';
import { drawCheckPicture } from './check-picture.js';
import { fullPrecisionName } from './variant.js';

/** What an 8-bit variant computed of the check picture where it was made. */
export interface VariantGolden {
  /** All of them. */
  features: number[];
  /** How far those of another machine may be off: length of the difference over their length. */
  maxRelativeError: number;
}

/**
 * Of what 8 bits lose on the check picture, as much may another machine add. Kernels that sum
 * exactly round a few levels otherwise, which adds a fifth or a quarter of the loss on
 * EfficientNet-Lite0; where sums saturate that were not made for it, 1.8 times the loss.
 */
const SHARE_OF_LOSS = 0.5;

/** @param fp32 Features of the check picture by the backbone that `variant` was made of. */
export async function goldenOf(variant: Backbone, fp32: Float32Array): Promise<VariantGolden> {
  const features = await variant.embed(drawCheckPicture(variant.inputSize));
  const { relativeError } = agreementOf([fp32], [features]);
  return { features: [...features], maxRelativeError: SHARE_OF_LOSS * relativeError };
}

/**
 * Lets a variant compute the check picture here.
 * @throws HeadlandError HL_MODEL_INT8_DIFFERS when it gives other features than where it was made:
 *   the integer kernels of this machine are of another kind.
 */
export async function compareWithGolden(
  variant: Backbone,
  golden: VariantGolden,
): Promise<Agreement> {
  const features = await variant.embed(drawCheckPicture(variant.inputSize));
  const agreement = agreementOf([Float32Array.from(golden.features)], [features]);
  const { relativeError } = agreement;
  const { maxRelativeError } = golden;
  if (relativeError <= maxRelativeError) return agreement;
  const base = fullPrecisionName(variant.name);
  throw new HeadlandError(
    'HL_MODEL_INT8_DIFFERS',
    `the 8-bit backbone ${variant.name} computes other features on this processor than on the one ` +
      `that it was made on: relative error ${relativeError.toFixed(3)}, ${maxRelativeError.toFixed(3)} is allowed`,
    {
      remedy: `Run \`headland models quantize ${base}\` on this machine and train again.`,
      details: { backbone: variant.name, relativeError, maxRelativeError },
    },
  );
}
