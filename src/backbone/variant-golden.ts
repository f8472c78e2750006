import { HeadlandError } from '../base/errors.js';
import { type Agreement, agreementOf } from './agreement.js';
import type { Backbone } from './backbone.js';
import { drawCheckPicture } from './check-picture.js';
import { fullPrecisionName } from './variant.js';

/** Features of the check picture by an 8-bit variant on the machine that made it. */
export interface VariantGolden {
  /** All features. */
  features: number[];
  /**
   * Largest difference on another machine: length of the difference over the length of the
   * features.
   */
  maxRelativeError: number;
}

/**
 * Another machine may add this share of the loss that 8 bits cause on the check picture. Kernels
 * with exact sums round a few levels differently, which adds a fifth or a quarter of the loss on
 * EfficientNet-Lite0. Kernels that saturate, with weights not made for that, add 1.8 times the
 * loss.
 */
const SHARE_OF_LOSS = 0.5;

/** @param fp32 Features of the check picture by the backbone that `variant` was made from. */
export async function goldenOf(variant: Backbone, fp32: Float32Array): Promise<VariantGolden> {
  const features = await variant.embed(drawCheckPicture(variant.inputSize));
  const { relativeError } = agreementOf([fp32], [features]);
  return { features: [...features], maxRelativeError: SHARE_OF_LOSS * relativeError };
}

/**
 * Runs a variant on the check picture on this machine.
 * @throws HeadlandError HL_MODEL_INT8_DIFFERS when its features differ from those of the machine
 *   that made it: the integer kernels of this machine are of another kind.
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
      `that made it: the relative error is ${relativeError.toFixed(3)}, at most ${maxRelativeError.toFixed(3)} is allowed`,
    {
      remedy: `Run \`headland models quantize ${base}\` on this machine and train again.`,
      details: { backbone: variant.name, relativeError, maxRelativeError },
    },
  );
}
