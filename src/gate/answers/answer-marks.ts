import type { PresentAnswer } from './sample-answer.js';

/** What is notable about a labelled sample, by what a head answered to it. */
export interface AnswerMarks {
  /** The answer is not the present label, and the head could have known it. */
  wrong: boolean;
  /** The answer is right, but only a guess or only just before another one. */
  doubtful: boolean;
  /** The answer is another label, and the head is sure of it: the label may be wrong. */
  suspect: boolean;
}

/** A right answer is doubtful when the second label comes this close, in probability. */
const CLOSE = 0.2;
/**
 * A label is suspected when a head that did not learn it gives another one at least this
 * probability. Of 5 % wrong labels this finds 0.78 to 0.91 on photos of things, and 0.5 on roads whose
 * classes overlap; 0.69 to 1 of what it names is wrong, 0.34 on the roads (`bench -- suspects`, which also
 * tries confident learning: Northcutt et al. 2021).
 */
export const SUSPECT_PROBABILITY = 0.7;

/**
 * @param sureFrom answers of lower probability are guesses; above 1 or null: not known
 * @returns by sample id, only of samples with a mark
 */
export function markAnswers(
  answers: readonly PresentAnswer[],
  sureFrom: number | null,
): Map<string, AnswerMarks> {
  const guessBelow = sureFrom !== null && sureFrom <= 1 ? sureFrom : 0;
  const marks = new Map<string, AnswerMarks>();
  for (const { id, right, knowable, confidence, secondProbability } of answers) {
    const wrong = !right && knowable;
    const doubtful = right && (confidence < guessBelow || confidence - secondProbability < CLOSE);
    const suspect = wrong && confidence >= SUSPECT_PROBABILITY;
    if (wrong || doubtful) marks.set(id, { wrong, doubtful, suspect });
  }
  return marks;
}
