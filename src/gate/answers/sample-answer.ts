import type { GroupAnswers } from '../../head/intervals/share-interval.js';
import type { HeadAnswer } from '../scorecard.js';

/**
 * What a head answers to one labelled sample. To a holdout sample the head itself answers; to a
 * training sample, a head of the same recipe that never saw the sample's group.
 */
export interface SampleAnswer extends HeadAnswer {
  /** UUID of the sample. */
  id: string;
  /** The label that the sample had in the training; `probability` is that of this label. */
  truth: string;
  /** The second most probable label and its probability, 0..1. */
  second: string;
  secondProbability: number;
  holdout: boolean;
  /**
   * False: the head that answered could not know the label, because all samples of the class are in
   * one group, or because the class has too few samples to be learnt.
   */
  knowable: boolean;
  /** The answer counts in figures: it is knowable, and no near-duplicate of one that counts. */
  judged: boolean;
  /**
   * The answer of the head that served during the training, where the gate compared it; it had not
   * seen the sample's group either.
   */
  champion: HeadAnswer | null;
}

/** The answers of one head. */
export interface StoredAnswers {
  /** Version of the head that served during the training; null: none, or nothing was compared. */
  champion: number | null;
  /** In ascending order of their ids. */
  answers: SampleAnswer[];
}

/** What the store knows about a sample now. */
export interface PresentSample {
  label: string;
  group: string;
}

/**
 * An answer to a sample that still has a label; `truth` is that label, and `probability` is that of
 * this label: 0 where it is not known, because the sample had another one in the training.
 */
export interface PresentAnswer extends SampleAnswer {
  group: string;
  right: boolean;
  /** The sample has another label than in the training. */
  relabelled: boolean;
}

/**
 * The answers to samples that still have a label, with the labels of now. A sample that was removed
 * or that has no label any more drops out.
 * @param names of classes that were renamed or merged since, by their name in the training
 */
export function presentAnswers(
  answers: readonly SampleAnswer[],
  present: ReadonlyMap<string, PresentSample>,
  names: ReadonlyMap<string, string> = new Map(),
): PresentAnswer[] {
  const now = (label: string): string => names.get(label) ?? label;
  const found: PresentAnswer[] = [];
  for (const stored of answers) {
    const sample = present.get(stored.id);
    if (!sample) continue;
    const answer = names.size === 0 ? stored : renamed(stored, now);
    const { label, group } = sample;
    // Written out: spreading 20,000 answers takes ten times as long.
    found.push({
      id: answer.id,
      truth: label,
      label: answer.label,
      confidence: answer.confidence,
      probability: probabilityOf(answer, label),
      second: answer.second,
      secondProbability: answer.secondProbability,
      holdout: answer.holdout,
      knowable: answer.knowable,
      judged: answer.judged,
      champion: answer.champion,
      group,
      right: answer.label === label,
      relabelled: answer.truth !== label,
    });
  }
  return found;
}

/** How many answers each group has, and how many of them are right. */
export function groupAnswers(answers: readonly PresentAnswer[]): GroupAnswers[] {
  const groups = new Map<string, GroupAnswers>();
  for (const { group, right } of answers) {
    const counted = groups.get(group) ?? { answers: 0, right: 0 };
    groups.set(group, {
      answers: counted.answers + 1,
      right: counted.right + Number(right),
    });
  }
  return [...groups.values()];
}

function renamed(answer: SampleAnswer, now: (label: string) => string): SampleAnswer {
  const { label, second, truth, champion, confidence, secondProbability, probability } = answer;
  const merged = now(label) === now(second) ? secondProbability : 0;
  const own = now(truth) === now(label) ? confidence + merged : probability;
  return {
    ...answer,
    truth: now(truth),
    label: now(label),
    second: now(second),
    confidence: Math.min(1, confidence + merged),
    probability: Math.min(1, own),
    champion: champion && { ...champion, label: now(champion.label) },
  };
}

/** The probability that the head gave to a label, as far as it was stored; else 0. */
function probabilityOf(answer: SampleAnswer, label: string): number {
  if (answer.truth === label) return answer.probability;
  if (answer.label === label) return answer.confidence;
  return answer.second === label ? answer.secondProbability : 0;
}
