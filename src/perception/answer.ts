import { predictionSet } from '../head/conformal.js';
import { noveltyPValue } from '../head/novelty.js';
import { headProbabilities, topLabels } from '../head/score.js';
import { type Decision, type DecisionSettings, type Doubt, decide } from './decision.js';
import type { ServingHead } from './protocol.js';

/**
 * What a head makes of the features of one frame.
 * @throws HL_FEATURES_MISMATCH
 */
export function answer(
  { head, version }: ServingHead,
  features: Float32Array,
  settings: DecisionSettings,
): Decision {
  const { labels, novelty, setProbability } = head;
  const probabilities = headProbabilities(head, features);
  const doubt: Doubt = { noveltyPValue: novelty ? noveltyPValue(novelty, features) : null };
  if (setProbability !== undefined) {
    doubt.labelSet = predictionSet(probabilities, setProbability).map((i) => labels[i]!);
  }
  return decide(topLabels({ labels, probabilities }, settings.topK), version, settings, doubt);
}
