import { listIn } from '../../base/values/list-in.js';
import { shareInterval } from '../../head/intervals/share-interval.js';
import { groupAnswers, type PresentAnswer } from './sample-answer.js';

const BINS = 10;

/** A cell of the confusion matrix that is not empty. */
export interface ConfusionCell {
  /** The present label. */
  truth: string;
  answer: string;
  /** Of the samples behind it, in ascending order. */
  ids: string[];
}

export interface ClassFigures {
  label: string;
  /** TP / (TP + FP), TP / (TP + FN), 2 TP / (2 TP + FP + FN), 0..1; 0 where undefined. */
  precision: number;
  recall: number;
  f1: number;
  /** Samples with this label, answers with this label, and samples that are both. */
  samples: number;
  answered: number;
  right: number;
  /** The wrong answer that samples of this class get most often; null: they get none. */
  confusedWith: { label: string; samples: number } | null;
}

/** Answers whose probability lies in one tenth of the range. */
export interface CalibrationBin {
  /** Bounds of the probability, 0..1; `to` belongs to the next bin, except 1. */
  from: number;
  to: number;
  samples: number;
  right: number;
  /** Mean probability of the answers; null: the bin is empty. */
  confidence: number | null;
  /** Share of right answers with its bounds at 95 %; null: the bin is empty. */
  accuracy: number | null;
  lower: number | null;
  upper: number | null;
}

/** The cells of the confusion matrix that are not empty, by truth, then by answer. */
export function confusionCells(answers: readonly PresentAnswer[]): ConfusionCell[] {
  const cells = new Map<string, ConfusionCell>();
  for (const { id, truth, label } of answers) {
    const key = JSON.stringify([truth, label]);
    const cell = cells.get(key) ?? { truth, answer: label, ids: [] };
    cells.set(key, cell);
    cell.ids.push(id);
  }
  for (const { ids } of cells.values()) ids.sort();
  return [...cells.values()].sort(
    (a, b) => compare(a.truth, b.truth) || compare(a.answer, b.answer),
  );
}

/** Figures of every class that is a label or an answer, sorted by label. */
export function classFigures(cells: readonly ConfusionCell[]): ClassFigures[] {
  const labels = [...new Set(cells.flatMap(({ truth, answer }) => [truth, answer]))].sort(compare);
  const total = (those: readonly ConfusionCell[]): number =>
    those.reduce((sum, { ids }) => sum + ids.length, 0);
  const byTruth = new Map<string, ConfusionCell[]>();
  const byAnswer = new Map<string, ConfusionCell[]>();
  for (const cell of cells) {
    listIn(byTruth, cell.truth).push(cell);
    listIn(byAnswer, cell.answer).push(cell);
  }
  return labels.map((label) => {
    const own = byTruth.get(label) ?? [];
    const samples = total(own);
    const answered = total(byAnswer.get(label) ?? []);
    const right = total(own.filter(({ answer }) => answer === label));
    const [worst] = own
      .filter(({ answer }) => answer !== label)
      .sort((a, b) => b.ids.length - a.ids.length);
    return {
      label,
      precision: ratio(right, answered),
      recall: ratio(right, samples),
      f1: ratio(2 * right, samples + answered),
      samples,
      answered,
      right,
      confusedWith: worst ? { label: worst.answer, samples: worst.ids.length } : null,
    };
  });
}

/** Ten bins of equal width over the probability of the answer: the reliability diagram. */
export function calibrationBins(answers: readonly PresentAnswer[]): CalibrationBin[] {
  const bins = Array.from({ length: BINS }, (): PresentAnswer[] => []);
  for (const answer of answers) {
    bins[Math.min(BINS - 1, Math.floor(answer.confidence * BINS))]!.push(answer);
  }
  return bins.map((own, i) => {
    const bounds = { from: i / BINS, to: (i + 1) / BINS, samples: own.length };
    const right = own.filter((answer) => answer.right).length;
    if (own.length === 0) {
      return { ...bounds, right, confidence: null, accuracy: null, lower: null, upper: null };
    }
    const accuracy = right / own.length;
    return {
      ...bounds,
      right,
      confidence: own.reduce((sum, answer) => sum + answer.confidence, 0) / own.length,
      accuracy,
      ...shareInterval(groupAnswers(own)),
    };
  });
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
