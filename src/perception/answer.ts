import type { Head } from '../head/head.js';
import { headProbabilities, topLabels } from '../head/score.js';
import { mixWithPrior } from '../head/serving/prior.js';
import { answerProbability, predictionSet } from '../head/unknown/conformal.js';
import { noveltyPValueAt, subspacePoints } from '../head/unknown/novelty.js';
import { type Decision, type DecisionSettings, type Doubt, decide } from './decision.js';
import type { Scores, ServingHead } from './perception-protocol.js';

/** What an answer depends on besides the head, computed once per head. */
export interface AnswerSettings extends DecisionSettings {
  /** Answers of this probability or more are no guesses; above 1: every answer is a guess. */
  answerProbability: number;
}

/**
 * The settings for one head, with the least probability at which its answers meet `maxErrorShare`.
 * A head without left-out answers can promise nothing.
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

/** The decision on one frame, and the scores behind it. */
export interface Answer {
  decision: Decision;
  scores: Scores;
}

/**
 * The answer of a head to the features of one frame.
 * @throws HL_FEATURES_MISMATCH
 */
export function answer(
  { head, version, trust, unproven, learnt, prior }: ServingHead,
  features: Float32Array,
  settings: AnswerSettings,
): Answer {
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
  const { answerProbability } = settings;
  return {
    decision: decide(top, decider, { ...settings, unproven }, doubt),
    scores: {
      probabilities: Float32Array.from(probabilities),
      answerProbability,
      point: point ?? null,
    },
  };
}
