import { listIn } from '../../base/values/list-in.js';
import type { PresentAnswer } from './sample-answer.js';

/** What is notable about a labelled sample, by what a head answered to it. */
export interface AnswerMarks {
  /** The answer is not the present label, and the head could have known it. */
  wrong: boolean;
  /** The answer is right, but only a guess or only just before another one. */
  doubtful: boolean;
  /** The head is as sure of another label as it usually is of that label: look at it again. */
  suspected: boolean;
}

/** A right answer is doubtful when the second label comes this close, in probability. */
const CLOSE = 0.2;
/** Labels are suspected from this probability of another label on, however unsure the head is. */
const LEAST_SUSPICION = 0.5;

/**
 * Marks answers. A wrong label is suspected by confident learning (Northcutt et al. 2021): another
 * label has at least the probability that samples of that label have on average, and more than half.
 * `bench -- suspects` shows what it finds.
 * @param sureFrom answers of lower probability are guesses; above 1 or null: not known
 * @returns by sample id, only of samples with a mark
 */
export function markAnswers(
  answers: readonly PresentAnswer[],
  sureFrom: number | null,
): Map<string, AnswerMarks> {
  const usual = usualProbabilities(answers);
  const guessBelow = sureFrom !== null && sureFrom <= 1 ? sureFrom : 0;
  const marks = new Map<string, AnswerMarks>();
  for (const answer of answers) {
    const { id, right, label, confidence, secondProbability } = answer;
    const wrong = !right && answer.knowable;
    const doubtful = right && (confidence < guessBelow || confidence - secondProbability < CLOSE);
    const least = Math.max(LEAST_SUSPICION, usual.get(label) ?? 1);
    const suspected = wrong && confidence >= least;
    if (wrong || doubtful) marks.set(id, { wrong, doubtful, suspected });
  }
  return marks;
}

/** By label, the mean probability that the head gives to it on samples that have it. */
function usualProbabilities(answers: readonly PresentAnswer[]): Map<string, number> {
  const found = new Map<string, number[]>();
  for (const { truth, knowable, probability } of answers) {
    if (knowable) listIn(found, truth).push(probability);
  }
  return new Map(
    [...found].map(([label, values]) => [label, values.reduce((a, b) => a + b, 0) / values.length]),
  );
}
