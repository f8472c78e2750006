import type { GateInput } from './gate.js';
import { type Scorecard, scoreAnswers } from './scorecard.js';

/** A sample that the gate may look at, and what both heads say to it. */
export interface JudgedSample {
  label: string;
  group: string;
  exam: boolean;
  /** By the new head; for a training sample by a head that never saw its group. */
  challenger: string;
  /** By the serving head as it is on the disk; null: its features are not there. */
  champion: string | null;
  /** False: no left-out head knew its class, because the class stands in one group only. */
  judged: boolean;
}

export interface ServingHead {
  version: number;
  labels: readonly string[];
  /** Groups it was trained on: it knows these samples by heart. */
  groups: ReadonlySet<string>;
  /** In words when it was trained on other features: "it has another backbone (…)". */
  otherFeatures: string | null;
  /**
   * Leave-group-out answers of its recipe, fitted to the training samples of today, in their
   * order; null when that is not possible.
   */
  answersOfRecipe: (() => string[]) | null;
}

type Evidence = Pick<GateInput, 'source' | 'note' | 'challenger' | 'champion'>;

/**
 * Chooses the best evidence there is, always the same samples for both heads and none that the
 * serving head was trained on:
 * 1. the exam;
 * 2. where that is too small, the exam and the training samples that are new to the serving head;
 * 3. where that is too small, both recipes by leave-group-out on the training samples of today;
 * 4. none: the challenger is measured alone.
 *
 * @param minSamples What is too small; also fewer than two classes are.
 */
export function chooseEvidence(
  samples: readonly JudgedSample[],
  champion: ServingHead | null,
  minSamples: number,
): Evidence {
  const exam = samples.filter((sample) => sample.exam);
  const training = judgeable(samples.filter((sample) => !sample.exam));
  const enough = (set: readonly JudgedSample[]): boolean =>
    set.length >= minSamples && new Set(set.map((sample) => sample.label)).size >= 2;
  const small = `The exam has ${exam.length} samples of ${
    new Set(exam.map((sample) => sample.label)).size
  } classes, which is too few`;
  const alone = enough(exam)
    ? { source: 'exam' as const, note: null, challenger: scores(exam, 'challenger') }
    : {
        source: 'leave-group-out' as const,
        note: `${small}: judged by answers of heads that never saw the group of the sample`,
        challenger: scores(training, 'challenger'),
      };
  if (!champion) return { ...alone, champion: null };

  const fresh = (set: readonly JudgedSample[]): JudgedSample[] =>
    set.filter((sample) => sample.champion !== null && !champion.groups.has(sample.group));
  const note = champion.otherFeatures
    ? `Head ${champion.version} was compared with its own features: ${champion.otherFeatures}`
    : null;
  const freshExam = fresh(exam);
  if (enough(freshExam)) return compared(freshExam, 'exam', note, champion);
  const freshAll = [...freshExam, ...fresh(training)];
  if (enough(freshAll)) {
    const why = `${small}: compared on samples that head ${champion.version} has not learnt`;
    return compared(freshAll, 'leave-group-out', note ? `${why}. ${note}` : why, champion);
  }
  const recipe = champion.answersOfRecipe?.();
  if (recipe && training.length > 0) {
    return byRecipe(samples, recipe, champion, small);
  }
  const why = champion.otherFeatures ?? 'there are too few samples that it has not learnt';
  return {
    ...alone,
    note: `No comparison with head ${champion.version} was possible: ${why}`,
    champion: { version: champion.version, labels: champion.labels, scores: null },
  };
}

/** Only samples whose class could be known, unless too little would be left. */
function judgeable(training: readonly JudgedSample[]): readonly JudgedSample[] {
  const judged = training.filter((sample) => sample.judged);
  return new Set(judged.map((sample) => sample.label)).size >= 2 ? judged : training;
}

function compared(
  samples: readonly JudgedSample[],
  source: Evidence['source'],
  note: string | null,
  { version, labels }: ServingHead,
): Evidence {
  return {
    source,
    note,
    challenger: scores(samples, 'challenger'),
    champion: { version, labels, scores: scores(samples, 'champion') },
  };
}

function byRecipe(
  samples: readonly JudgedSample[],
  answers: readonly string[],
  champion: ServingHead,
  small: string,
): Evidence {
  const training = samples.filter((sample) => !sample.exam);
  const both = training.map((sample, i) => ({ ...sample, champion: answers[i] as string }));
  const note =
    `${small}, and so are the samples that head ${champion.version} has not learnt: its recipe ` +
    'was fitted to the samples of today and compared by leave-group-out';
  return compared(judgeable(both), 'leave-group-out', note, champion);
}

function scores(samples: readonly JudgedSample[], by: 'challenger' | 'champion'): Scorecard {
  return scoreAnswers(
    samples.map((sample) => sample.label),
    samples.map((sample) => sample[by] as string),
  );
}
