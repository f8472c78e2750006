import { UNKNOWN_LABEL } from '../base/words/label.js';
import type { TrustLevel } from '../head/trust.js';

export interface ScoredLabel {
  label: string;
  /** 0..1. */
  probability: number;
}

export interface Decision {
  /** The most probable label, or `unknown`. */
  label: string;
  /** Probability of the most probable label, 0..1; 0 without a head. */
  probability: number;
  /**
   * The label is a guess: answers of this probability are wrong more often than `maxErrorShare`, or too few
   * answers with this label are known to tell.
   */
  guess: boolean;
  /** The `topK` most probable labels, best first; empty without a head. */
  top: ScoredLabel[];
  /** Version of the head that decided; null without a trained head. */
  headVersion: number | null;
  /** Trust in the head that decided; absent without a head and where it is not known. */
  trust?: TrustLevel;
  /** Labels that the head has learnt since its training; absent: none. */
  learnt?: LearntLabels;
  /**
   * Share of known samples that are at least as novel as this frame, 0..1; null when the head has
   * no novelty model.
   */
  noveltyPValue: number | null;
  /**
   * The labels that contain the true one in 90 of 100 frames like the training samples, best first;
   * absent when the head has no prediction set.
   */
  labelSet?: string[];
}

/** The joint decision on all frames of the scene, up to and with one frame. */
export interface SceneDecision {
  /** The most probable label, or `unknown`. */
  label: string;
  /** Probability that the label is right, 0..1; of `unknown`, that the thing is none of the labels. */
  probability: number;
  /** The label is a guess, as in {@link Decision.guess}. */
  guess: boolean;
  /** Number of frames of the scene, including this one. */
  frames: number;
  /** The scene most probably began with this frame. */
  changed: boolean;
}

/** Labels that the instant learner added to a head without a training. */
export interface LearntLabels {
  /** Number of labels. */
  labels: number;
  /** Revision of the store up to which the labels are learnt. */
  revision: number;
}

/** The head that decided. */
export type Decider = Pick<Decision, 'headVersion' | 'trust' | 'learnt'>;

/** What a head tells about a frame besides probabilities. */
export interface Doubt {
  noveltyPValue: number | null;
  labelSet?: string[];
}

/** What separates guesses from answers. */
export interface GuessSettings {
  /** An answer of a smaller probability is a guess, 0..1; above 1: every answer is. */
  answerProbability: number;
  /** Labels that are always guesses; undefined: none. */
  unproven?: readonly string[] | undefined;
}

export interface DecisionSettings {
  topK: number;
  /** Most wrong answers among those that are no guesses, as a share 0..1. */
  maxErrorShare: number;
  /** Below this p-value of novelty the label is `unknown`, 0..1; 0 = off. */
  unknownAlpha: number;
}

/**
 * Turns the sorted scores of a head into the reported decision.
 */
export function decide(
  top: ScoredLabel[],
  decider: Decider,
  settings: Pick<DecisionSettings, 'unknownAlpha'> & GuessSettings,
  doubt: Doubt = { noveltyPValue: null },
): Decision {
  const best = top[0];
  if (best === undefined) return { ...undecided(), ...decider };
  const novel = isNovel(doubt.noveltyPValue, settings);
  return {
    label: novel ? UNKNOWN_LABEL : best.label,
    probability: best.probability,
    guess: !novel && isGuess(best, settings),
    top,
    ...decider,
    ...doubt,
  };
}

export function isGuess(
  { label, probability }: ScoredLabel,
  { answerProbability, unproven = [] }: GuessSettings,
): boolean {
  return probability < answerProbability || unproven.includes(label);
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

/** Whether a frame is too novel to belong to one of the head's classes. */
export function isNovel(
  noveltyPValue: number | null,
  { unknownAlpha }: Pick<DecisionSettings, 'unknownAlpha'>,
): boolean {
  return noveltyPValue !== null && noveltyPValue < unknownAlpha;
}
