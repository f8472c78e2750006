import { sha256Hex } from '../base/hash.js';
import type { ModelCard, ModelSource } from './model-card.js';
import { QUANTIZER_VERSION } from './variant.js';

/** Raised whenever conversion gives other bytes for the same weights: caches are then renewed. */
const CONVERTER_VERSION = 1;

/** Everything in a card, besides the weights, that determines what {@link convertModel} writes. */
export function conversionRecipe(card: ModelCard) {
  return {
    converter: CONVERTER_VERSION,
    format: card.format,
    architecture: card.architecture,
    tap: card.tap,
    pool: card.pool,
    input_size: card.inputSize,
    layout: card.layout,
    normalisation: { mean: card.normalisation.mean, std: card.normalisation.std },
    feature_size: card.featureSize,
    // Absent when there are none, so that earlier caches and checksums stay valid.
    ...(card.innerTaps.length > 0 ? { inner_taps: card.innerTaps } : {}),
    ...(card.channelOrder === 'RGB' ? {} : { channel_order: card.channelOrder }),
    ...(card.precision ? { precision: card.precision, quantizer: QUANTIZER_VERSION } : {}),
  };
}

/** Identity of the weights of a source, wherever it gets them from: 64 hex digits. */
export function sourceIdentity(source: Pick<ModelSource, 'sha256' | 'member' | 'shards'>): string {
  const model = source.member?.sha256 ?? source.sha256;
  if (source.shards.length === 0) return model;
  const parts = source.shards.map(({ file, sha256 }) => `${sha256} ${file}`).sort();
  return sha256Hex(Buffer.from([model, ...parts].join('\n'), 'utf8'));
}
