import type { FrameDecision } from '../../contract/live-contract.js';
import type { Words } from './words.js';

/** How far a decision can be believed, in one word. */
export type Belief = 'sure' | 'probably' | 'guess' | 'unknown';

const SURE_FROM = 0.9;
const NEW_BELOW = 0.05;
const RATHER_NEW_BELOW = 0.2;
/** A p-value of one in a thousand fills the meter. */
const MOST_DECADES = 3;

/** A head with too few labels to know how good it is. */
export function isBeginner(trust: string | null): boolean {
  return trust === 'beginner';
}

export function beliefOf({ label, guess, probability }: FrameDecision): Belief {
  if (label === 'unknown') return 'unknown';
  if (guess) return 'guess';
  return probability >= SURE_FROM ? 'sure' : 'probably';
}

export interface Novelty {
  text: string;
  /** How new the image looks, 0..1. */
  share: number;
}

/** @param pValue share of known samples that are at least as novel; null: the head cannot tell */
export function noveltyOf(pValue: number | null, words: Pick<Words, 'say'>): Novelty | null {
  if (pValue === null) return null;
  const decades = pValue > 0 ? -Math.log10(pValue) : MOST_DECADES;
  const share = Math.min(1, decades / MOST_DECADES);
  if (pValue < NEW_BELOW) return { text: words.say('live.looksNew'), share };
  if (pValue < RATHER_NEW_BELOW) return { text: words.say('live.ratherNew'), share };
  return { text: words.say('live.familiar'), share };
}
