import { UNKNOWN_LABEL } from '../base/unknown-label.js';
import type { TrustLevel } from '../head/trust.js';

export interface ScoredLabel {
  label: string;
  /** 0..1. */
  probability: number;
}

export interface Decision {
  /** The most probable label, or `unknown`. */
  label: string;
  /** Of the most probable label, 0..1; 0 without a head. */
  probability: number;
  /** The label is a guess: answers of this probability are wrong more often than `maxErrorShare`. */
  guess: boolean;
  /** The `topK` most probable labels, best first; empty without a head. */
  top: ScoredLabel[];
  /** Version of the head that decided; null without a trained head. */
  headVersion: number | null;
  /** How far the head that decided can be trusted; absent without a head and where it is not known. */
  trust?: TrustLevel;
  /** What that head has learnt since it was trained; absent: nothing. */
  learnt?: LearntLabels;
  /**
   * Share of known samples that look at least as strange as this frame, 0..1; null without a head
   * that can tell.
   */
  noveltyPValue: number | null;
  /**
   * The labels that hold the true one in 90 of 100 frames like the training samples, best first;
   * absent where the head cannot tell.
   */
  labelSet?: string[];
}

/** Labels that a head has learnt at once, without a training. */
export interface LearntLabels {
  /** How many. */
  labels: number;
  /** The label revision of the store that it is up to. */
  revision: number;
}

/** Who decided. */
export type Decider = Pick<Decision, 'headVersion' | 'trust' | 'learnt'>;

/** What a head says of a frame beside probabilities. */
export interface Doubt {
  noveltyPValue: number | null;
  labelSet?: string[];
}

export interface DecisionSettings {
  topK: number;
  /** Of answers that are no guesses at most this share may be wrong, 0..1. */
  maxErrorShare: number;
  /** Below this p-value of novelty the label is `unknown`, 0..1; 0 = off. */
  unknownAlpha: number;
}

/**
 * Turns the sorted scores of a head into the label that is reported.
 * @param settings.answerProbability Below this the label is marked as a guess, 0..1.
 */
export function decide(
  top: ScoredLabel[],
  decider: Decider,
  settings: Pick<DecisionSettings, 'unknownAlpha'> & { answerProbability: number },
  doubt: Doubt = { noveltyPValue: null },
): Decision {
  const best = top[0];
  if (best === undefined) return { ...undecided(), ...decider };
  const novel = isNovel(doubt.noveltyPValue, settings);
  return {
    label: novel ? UNKNOWN_LABEL : best.label,
    probability: best.probability,
    guess: !novel && best.probability < settings.answerProbability,
    top,
    ...decider,
    ...doubt,
  };
}

/** The decision while no head serves. */
export function undecided(): Decision {
  return {
    label: UNKNOWN_LABEL,
    probability: 0,
    guess: false,
    top: [],
    headVersion: null,
    noveltyPValue: null,
  };
}

/** Whether a frame is too strange to be one of the head's classes. */
export function isNovel(
  noveltyPValue: number | null,
  { unknownAlpha }: Pick<DecisionSettings, 'unknownAlpha'>,
): boolean {
  return noveltyPValue !== null && noveltyPValue < unknownAlpha;
}
