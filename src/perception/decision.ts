/** The answer when no label is probable enough, or when no head serves yet. */
export const UNKNOWN_LABEL = 'unknown';

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
  /** The `topK` most probable labels, best first; empty without a head. */
  top: ScoredLabel[];
  /** Version of the head that decided; null without a head. */
  headVersion: number | null;
}

export interface DecisionSettings {
  topK: number;
  /** Below this the label is `unknown`, 0..1. */
  minProbability: number;
}

/** Turns the sorted scores of a head into the label that is reported. */
export function decide(
  top: ScoredLabel[],
  headVersion: number | null,
  settings: DecisionSettings,
): Decision {
  const best = top[0];
  if (best === undefined) return { label: UNKNOWN_LABEL, probability: 0, top: [], headVersion };
  return {
    label: best.probability >= settings.minProbability ? best.label : UNKNOWN_LABEL,
    probability: best.probability,
    top,
    headVersion,
  };
}
