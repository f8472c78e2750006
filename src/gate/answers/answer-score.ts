import { scoreInterval, shareInterval } from '../../head/intervals/share-interval.js';
import { scoreAnswers } from '../scorecard.js';
import { groupAnswers, type PresentAnswer } from './sample-answer.js';

/** How good the answers of a head are. All shares 0..1; bounds at 95 %. */
export interface AnswerScore {
  /** Number of judged answers, of those to holdout samples, and of their groups. */
  samples: number;
  holdout: number;
  groups: number;
  macroF1: number;
  macroF1Lower: number;
  macroF1Upper: number;
  accuracy: number;
  accuracyLower: number;
  accuracyUpper: number;
}

/**
 * Score of the judged answers, with the bounds of {@link scoreInterval}. For macro-F1 they are an
 * approximation, which takes it as the share of right answers with all classes weighing the same.
 * @returns null without a judged answer
 */
export function answerScore(answers: readonly PresentAnswer[]): AnswerScore | null {
  const judged = answers.filter((answer) => answer.judged);
  if (judged.length === 0) return null;
  const truth = judged.map((answer) => answer.truth);
  const { accuracy, macroF1, perClass } = scoreAnswers(
    truth,
    judged.map((answer) => answer.label),
  );
  const supports = new Map(perClass.map(({ label, support }) => [label, support]));
  const byClass = judged.map(({ truth: label, group }) => {
    return { group, weight: 1 / (perClass.length * supports.get(label)!) };
  });
  const wrong = judged.filter((answer) => !answer.right).length;
  const f1 = scoreInterval(macroF1, byClass, wrong, null);
  const share = shareInterval(groupAnswers(judged));
  return {
    samples: judged.length,
    holdout: judged.filter((answer) => answer.holdout).length,
    groups: new Set(judged.map(({ group }) => group)).size,
    macroF1,
    macroF1Lower: f1.lower,
    macroF1Upper: f1.upper,
    accuracy,
    accuracyLower: share.lower,
    accuracyUpper: share.upper,
  };
}
