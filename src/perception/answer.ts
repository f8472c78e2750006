import { predictionSet } from '../head/conformal.js';
import { noveltyPValue } from '../head/novelty.js';
import { headProbabilities, topLabels } from '../head/score.js';
import { type Decision, type DecisionSettings, type Doubt, decide } from './decision.js';
import type { Prior, ServingHead } from './protocol.js';

/**
 * What a head makes of the features of one frame.
 * @throws HL_FEATURES_MISMATCH
 */
export function answer(
  { head, version, trust, learnt, prior }: ServingHead,
  features: Float32Array,
  settings: DecisionSettings,
): Decision {
  const { labels, novelty, setProbability } = head;
  const probabilities = headProbabilities(head, features);
  if (prior) drawTowards(prior, probabilities);
  const doubt: Doubt = { noveltyPValue: novelty ? noveltyPValue(novelty, features) : null };
  if (setProbability !== undefined) {
    doubt.labelSet = predictionSet(probabilities, setProbability).map((i) => labels[i]!);
  }
  const decider = {
    headVersion: version,
    ...(trust ? { trust } : {}),
    ...(learnt ? { learnt } : {}),
  };
  return decide(topLabels({ labels, probabilities }, settings.topK), decider, settings, doubt);
}

/** In place. */
function drawTowards({ share, frequencies }: Prior, probabilities: Float64Array): void {
  for (const [c, frequency] of frequencies.entries()) {
    probabilities[c] = (1 - share) * probabilities[c]! + share * frequency;
  }
}
