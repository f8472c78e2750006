import type { Message } from '../../base/words/message.js';
import type { ScoredLabel } from '../../perception/decision.js';

/** Why the robot asks for a label. */
export type AskReason = 'requested' | 'novel' | 'rare' | 'uncertain' | 'different';

/** What the robot knows about a sample that waits for a label. */
export interface SampleGuess {
  /** All labels of the head, the most probable first. */
  ranked: readonly ScoredLabel[];
  /** As {@link import('../../perception/decision.js').Decision.noveltyPValue}. */
  noveltyPValue: number | null;
  /** The sample is too novel to belong to one of the labels. */
  novel: boolean;
}

export interface ReasonFacts {
  /** A person or an alert has asked for this label. */
  requested: boolean;
  /** Null: no head answers. */
  guess: SampleGuess | null;
  /** Label of the nearest labelled sample; null: none. */
  nearestLabel: string | null;
  /** Labelled samples by label. */
  counts: ReadonlyMap<string, number>;
}

/** A class with fewer labels, and fewer than half of the mean, is rare. */
const RARE_BELOW = 10;
/** A guess that is so much more probable than the next one is worth a button. */
const OFFERED_LEAD = 1.25;
/** Below this probability, or this lead, an answer is uncertain. */
const UNCERTAIN_BELOW = 0.8;

/** The first of the reasons that applies, the most telling first; `different` always does. */
export function askReason(facts: ReasonFacts): AskReason {
  const { requested, guess } = facts;
  if (requested) return 'requested';
  if (guess?.novel) return 'novel';
  if (rareLabel(facts) !== null) return 'rare';
  const best = guess?.ranked[0];
  return best && best.probability < UNCERTAIN_BELOW ? 'uncertain' : 'different';
}

/** The reason in a sentence. */
export function askMessage(reason: AskReason, facts: ReasonFacts): Message {
  const [best, second] = facts.guess?.ranked ?? [];
  switch (reason) {
    case 'requested':
      return message('ask.requested', {}, 'A person or an alert has asked for this label.');
    case 'novel':
      return message('ask.novel', {}, 'It is unlike everything that was labelled so far.');
    case 'rare': {
      const label = rareLabel(facts)!;
      const labels = facts.counts.get(label)!;
      const many = `${labels} label${labels === 1 ? '' : 's'}`;
      return message(
        'ask.rare',
        { label, labels },
        `It may be "${label}", which has only ${many}.`,
      );
    }
    case 'uncertain': {
      const first = best!.label;
      if (second === undefined) {
        return message('ask.unsure', { first }, `The head is not sure that it is "${first}".`);
      }
      const values = { first, second: second.label };
      const text = `The head hesitates between "${first}" and "${second.label}".`;
      return message('ask.uncertain', values, text);
    }
    case 'different':
      return message('ask.different', {}, 'It differs most from what was labelled so far.');
  }
}

function message(key: string, values: Message['values'], text: string): Message {
  return { key, values, text };
}

/** The rare class that a sample may show; null: none. */
export function rareLabel({ guess, nearestLabel, counts }: ReasonFacts): string | null {
  const labels = [guess?.ranked[0]?.label, nearestLabel];
  const mean = meanOf(counts);
  for (const label of labels) {
    const count = label == null ? undefined : counts.get(label);
    if (count !== undefined && count < RARE_BELOW && count < mean / 2) return label!;
  }
  return null;
}

/** Whether the guess is worth a button of its own: one tap confirms it. */
export function isOffered({ ranked, novel }: SampleGuess): boolean {
  const [best, second] = ranked;
  if (!best || novel) return false;
  return second === undefined || best.probability >= OFFERED_LEAD * second.probability;
}

export function meanOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return counts.size > 0 ? sum / counts.size : 0;
}
