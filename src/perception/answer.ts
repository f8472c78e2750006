import type { Head } from '../head/head.js';
import { mixWithPrior } from '../head/prior.js';
import { headProbabilities, topLabels } from '../head/score.js';
import { answerProbability, predictionSet } from '../head/unknown/conformal.js';
import { noveltyPValueAt, subspacePoints } from '../head/unknown/novelty.js';
import { type Decision, type DecisionSettings, type Doubt, decide } from './decision.js';
import type { ServingHead } from './perception-protocol.js';

/** What an answer needs beside the head, worked out once per head. */
export interface AnswerSettings extends DecisionSettings {
  /** From this probability on an answer is no guess; above 1: every answer is one. */
  answerProbability: number;
}

/**
 * The settings for one head: which of its answers keep the promise of `maxErrorShare`. A head that
 * does not know how its left-out answers fared can promise nothing.
 */
export function answerSettings(
  head: Pick<Head, 'leftOutConfidences'>,
  settings: DecisionSettings,
): AnswerSettings {
  const leftOut = head.leftOutConfidences ?? [];
  return {
    ...settings,
    answerProbability: answerProbability(leftOut, settings.maxErrorShare),
  };
}

/**
 * What a head makes of the features of one frame.
 * @throws HL_FEATURES_MISMATCH
 */
export function answer(
  { head, version, trust, learnt, prior }: ServingHead,
  features: Float32Array,
  settings: AnswerSettings,
): Decision {
  const { labels, novelty, setProbability } = head;
  const point = novelty ? subspacePoints(novelty, features) : undefined;
  const probabilities = headProbabilities(head, features, point);
  if (prior) mixWithPrior(prior, probabilities);
  const doubt: Doubt = { noveltyPValue: novelty && point ? noveltyPValueAt(novelty, point) : null };
  if (setProbability !== undefined) {
    doubt.labelSet = predictionSet(probabilities, setProbability).map((i) => labels[i]!);
  }
  const decider = {
    headVersion: version,
    ...(trust ? { trust } : {}),
    ...(learnt ? { learnt } : {}),
  };
  const top = topLabels({ labels, probabilities }, settings.topK);
  return decide(top, decider, settings, doubt);
}
