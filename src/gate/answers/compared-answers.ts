import { type HeadAnswer, scoreAnswers } from '../scorecard.js';
import type { PresentAnswer } from './sample-answer.js';

/** A sample that one head answers right and the other wrong. */
export interface ChangedAnswer {
  id: string;
  truth: string;
  /** Top label and its probability, 0..1. */
  before: Pick<HeadAnswer, 'label' | 'confidence'>;
  now: Pick<HeadAnswer, 'label' | 'confidence'>;
}

/** How the answers of two heads to the same samples differ. */
export interface ComparedAnswers {
  /** Samples that both heads answered. */
  samples: number;
  /** Ids of the samples that both answer right, and that both answer wrong. */
  bothRight: string[];
  bothWrong: string[];
  /** Wrong before and right now, and the other way; those that changed most first. */
  gained: ChangedAnswer[];
  lost: ChangedAnswer[];
  /** Null without a sample. */
  macroF1: { before: number; now: number } | null;
  /** Every class with a sample, sorted by label. */
  classes: ComparedClass[];
}

export interface ComparedClass {
  label: string;
  samples: number;
  /** Right answers. */
  rightBefore: number;
  rightNow: number;
  f1Before: number;
  f1Now: number;
}

/** A sample with the answers of two heads. */
export interface PairedAnswer {
  id: string;
  truth: string;
  group: string;
  before: HeadAnswer;
  now: HeadAnswer;
}

/** The samples that two heads answered, and that count in the figures of both. */
export function pairedAnswers(
  before: readonly PresentAnswer[],
  now: readonly PresentAnswer[],
): PairedAnswer[] {
  const earlier = new Map(before.map((answer) => [answer.id, answer]));
  return now.flatMap((answer) => {
    const other = earlier.get(answer.id);
    if (!other?.judged || !answer.judged) return [];
    const { id, truth, group } = answer;
    return [{ id, truth, group, before: other, now: answer }];
  });
}

/** The samples on which the gate compared a new head with the one that served. */
export function championPairs(answers: readonly PresentAnswer[]): PairedAnswer[] {
  return answers.flatMap(({ id, truth, group, champion, ...now }) =>
    champion ? [{ id, truth, group, before: champion, now }] : [],
  );
}

export function compareAnswers(pairs: readonly PairedAnswer[]): ComparedAnswers {
  const of = (wasRight: boolean, isRight: boolean): PairedAnswer[] =>
    pairs.filter(
      ({ truth, before, now }) =>
        (before.label === truth) === wasRight && (now.label === truth) === isRight,
    );
  const ids = (those: readonly PairedAnswer[]): string[] => those.map(({ id }) => id);
  return {
    samples: pairs.length,
    bothRight: ids(of(true, true)),
    bothWrong: ids(of(false, false)),
    gained: largestFirst(of(false, true)),
    lost: largestFirst(of(true, false)),
    ...scores(pairs),
  };
}

function scores(pairs: readonly PairedAnswer[]): Pick<ComparedAnswers, 'macroF1' | 'classes'> {
  if (pairs.length === 0) return { macroF1: null, classes: [] };
  const truth = pairs.map((pair) => pair.truth);
  const [before, now] = (['before', 'now'] as const).map((head) =>
    scoreAnswers(
      truth,
      pairs.map((pair) => pair[head].label),
    ),
  );
  const right = (label: string, head: 'before' | 'now'): number =>
    pairs.filter((pair) => pair.truth === label && pair[head].label === label).length;
  return {
    macroF1: { before: before!.macroF1, now: now!.macroF1 },
    classes: now!.perClass.map(({ label, f1, support }, i) => ({
      label,
      samples: support,
      rightBefore: right(label, 'before'),
      rightNow: right(label, 'now'),
      f1Before: before!.perClass[i]!.f1,
      f1Now: f1,
    })),
  };
}

/** The largest change of the truth's probability first, of each group one before all others. */
function largestFirst(pairs: readonly PairedAnswer[]): ChangedAnswer[] {
  const change = ({ before, now }: PairedAnswer): number =>
    Math.abs(now.probability - before.probability);
  const sorted = [...pairs].sort((a, b) => change(b) - change(a) || (a.id < b.id ? -1 : 1));
  const seen = new Set<string>();
  const isFirst = sorted.map(({ group }) => !seen.has(group) && seen.add(group) !== undefined);
  return [...sorted.filter((_, i) => isFirst[i]), ...sorted.filter((_, i) => !isFirst[i])].map(
    ({ id, truth, before, now }) => {
      const answer = ({ label, confidence }: HeadAnswer) => ({ label, confidence });
      return { id, truth, before: answer(before), now: answer(now) };
    },
  );
}
