/** The answer of one head to one sample. */
export interface HeadAnswer {
  /** The most probable label. */
  label: string;
  /** Probability of that label, 0..1. */
  confidence: number;
  /** Probability of the sample's true label, 0..1; 0 when the head does not know the class. */
  probability: number;
}

/** How the answers of one head compare with the truth on one set of samples. */
export interface Scorecard {
  /** Number of answered samples. */
  samples: number;
  /** Share of right answers, 0..1. */
  accuracy: number;
  /** Unweighted mean of the F1 of every class that occurs in the truth, 0..1. */
  macroF1: number;
  /** Unweighted mean of the recall of the same classes, 0..1. */
  meanRecall: number;
  /** One entry for every class that occurs in the truth, sorted by label. */
  perClass: { label: string; f1: number; support: number }[];
}

/**
 * Scores answers by label, so that heads with different classes can be compared. The classes are
 * those of the truth, the same for every head; an answer outside of them is wrong. F1 = 2TP / (2TP
 * + FP + FN), 0 where undefined (scikit-learn's `f1_score(labels=set(truth))`).
 *
 * @param truth The label of each sample.
 * @param answers The answer to each sample, same length.
 * @throws RangeError when the lengths differ or there is no sample: a defect of the caller.
 */
export function scoreAnswers(truth: readonly string[], answers: readonly string[]): Scorecard {
  if (truth.length !== answers.length || truth.length === 0) {
    throw new RangeError(`${truth.length} samples with ${answers.length} answers`);
  }
  const classes = new Map(
    [...new Set(truth)].sort().map((label) => [label, { right: 0, support: 0, answered: 0 }]),
  );
  let right = 0;
  truth.forEach((label, i) => {
    const answer = answers[i] as string;
    const own = classes.get(label);
    if (own) own.support += 1;
    const given = classes.get(answer);
    if (given) given.answered += 1;
    if (answer === label) {
      right += 1;
      if (own) own.right += 1;
    }
  });
  const perClass = [...classes].map(([label, c]) => ({
    label,
    f1: (2 * c.right) / (c.support + c.answered),
    support: c.support,
  }));
  return {
    samples: truth.length,
    accuracy: right / truth.length,
    macroF1: perClass.reduce((sum, c) => sum + c.f1, 0) / perClass.length,
    meanRecall:
      [...classes.values()].reduce((sum, c) => sum + c.right / c.support, 0) / classes.size,
    perClass,
  };
}

/**
 * The answers of a head to samples.
 *
 * @param probabilities n x labels.length, row-major.
 * @param truth The label of each of the n samples.
 */
export function headAnswers(
  probabilities: Float64Array,
  labels: readonly string[],
  truth: readonly string[],
): HeadAnswer[] {
  const indexOf = new Map(labels.map((label, i) => [label, i]));
  return truth.map((label, row) => {
    const from = row * labels.length;
    let best = 0;
    for (let c = 1; c < labels.length; c++) {
      if ((probabilities[from + c] as number) > (probabilities[from + best] as number)) best = c;
    }
    const own = indexOf.get(label);
    return {
      label: labels[best] as string,
      confidence: probabilities[from + best] as number,
      probability: own === undefined ? 0 : (probabilities[from + own] as number),
    };
  });
}
