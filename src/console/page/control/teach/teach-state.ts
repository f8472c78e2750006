import type { Refusal } from '../../../../page/request/refusal.js';
import type { LookAlikeSample, Question } from '../../../contract/teach-contract.js';

/** Questions of the task and the answers that are on their way. */
export interface TeachState {
  /** The first one is on the screen; null before the robot has told. */
  questions: readonly Question[] | null;
  /** Decoded images of the next questions by sample; `gone`: it cannot be shown. */
  pictures: Readonly<Record<string, HTMLImageElement | 'gone'>>;
  /** The label for an image that shows none of the things; null: not known yet. */
  nothingLabel: string | null;
  /** Why the questions cannot be read; null: they can. */
  problem: Refusal | null;
  /** What the person has answered last; null: nothing yet. */
  said: Said | null;
}

/** What happened to a question last: a label, or what else was answered. */
export type Said =
  | { kind: 'label'; label: string }
  | { kind: 'cannot_tell' | 'bad_image' | 'skip' | 'undone' };

export const NO_QUESTIONS: TeachState = {
  questions: null,
  pictures: {},
  nothingLabel: null,
  problem: null,
  said: null,
};

/** Answers that the robot has not confirmed yet. */
export interface Unsent {
  count: number;
  /** The robot does not respond: they are being sent again. */
  stuck: boolean;
}

/** Look-alikes of a sample that was labelled just now, offered for the same label. */
export interface AlikeOffer {
  label: string;
  samples: readonly LookAlikeSample[];
  /** Ids of those that the user has taken out. */
  without: readonly string[];
}

/** A new class name that may be meant for an existing class. */
export interface NearChoice {
  typed: string;
  /** The class that it looks like: the new name would be refused. */
  alike: string | null;
  /** Classes of nearly the same spelling. */
  near: readonly string[];
  /** @param label null: neither, the person changes the text */
  answer: (label: string | null) => void;
}
