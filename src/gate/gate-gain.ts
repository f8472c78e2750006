import { type GateCheck, points, quoted, scoresOf } from './gate-check.js';
import type { GateInput } from './gate-input.js';
import { type PairedSample, quadraticScore, scoreDifference } from './paired.js';

/** Spread of the gain that new labels bring, as a share of the expected gain. */
const RELATIVE_SPREAD = 0.5;
/**
 * With few groups the measured standard error is itself uncertain. This much, divided by the root
 * of their number, is added.
 */
const SPREAD_OF_A_GROUP = 0.05;
/**
 * Prior for a class that only the new head knows: its score, and how many samples the prior weighs.
 */
const NEW_CLASS = { score: 0.5, samples: 5 };
/** Two sums of the same figures in another order differ by their rounding; that must not decide. */
const ROUNDING = 1e-9;
/** Without a new label, a gain counts from this many posterior standard deviations on. */
const WITHOUT_NEWS = 1;
/** A gain of this many posterior standard deviations is proven (one-sided error 5 %). */
const PROVEN = 1.645;

export interface ExpectedGain {
  check: GateCheck;
  /** Posterior mean of the gain, as macro-F1. */
  mean: number;
  /** The measurement alone shows the gain, without what more labels usually bring. */
  proven: boolean;
}

/** Whether the values of a check `expected-gain` prove the gain; see {@link ExpectedGain.proven}. */
export function isProven({ difference, spread }: GateCheck['values']): boolean {
  return (
    typeof difference === 'number' && typeof spread === 'number' && difference > PROVEN * spread
  );
}

/**
 * What a change of heads is worth. The prior: errors fall with the number of labels n as n^-a
 * (power laws of learning: Hestness et al. 2017, a = `learningExponent`), so from n to n + news
 * they fall by the share 1 - (n / (n + news))^a; new, corrected and removed labels are news. The
 * measurement: the difference of the scores on classes that both heads know. Both are normal with
 * their spreads, and the posterior mean weighs them by their precision. A class that only the new
 * head knows counts with its own score, shrunk towards one half.
 */
export function expectedGain(samples: readonly PairedSample[], input: GateInput): ExpectedGain {
  const { settings, challengerLabels, newlyLearnt, removed } = input;
  const champion = input.champion!;
  const known = new Set(champion.labels);
  const common = new Set(challengerLabels.filter((label) => known.has(label)));
  const added = challengerLabels.filter((label) => !known.has(label));
  const paired = samples.filter(({ label }) => common.has(label));
  const news = newlyLearnt + removed;
  const { difference, standardError, groups } = scoreDifference(paired);
  const measured = groups > 0 ? 1 - scoresOf(paired, 'champion').macroF1 : 0;
  // Laplace's rule of succession: a head that was always right on a few passes still errs.
  const errors = (measured * groups + 1) / (groups + 2);
  const expected =
    errors * (1 - (1 + news / Math.max(1, champion.learnt)) ** -settings.learningExponent);
  const expectedSpread = Math.hypot(settings.gainSpread, RELATIVE_SPREAD * expected);
  const spread = Math.hypot(
    standardError,
    settings.evidenceSpread,
    SPREAD_OF_A_GROUP / Math.sqrt(Math.max(1, groups)),
  );
  // Infinite spreads have no precision.
  const [prior, data] = [expectedSpread ** -2, spread ** -2];
  const onCommon = (expected * prior + difference * data) / (prior + data);
  const newScores = added.map((label) => newClassScore(label, samples));
  const classes = common.size + added.length;
  const mean = (common.size * onCommon + newScores.reduce((a, b) => a + b, 0)) / classes;
  const deviation = ((prior + data) ** -0.5 * common.size) / classes;
  const least = news + added.length > 0 ? ROUNDING : WITHOUT_NEWS * deviation;
  const passed = mean > least;
  return {
    mean,
    proven: difference > PROVEN * spread,
    check: {
      name: 'expected-gain',
      passed,
      detail:
        `expected gain ${points(mean)} ± ${points(deviation, false)}: ` +
        `${points(expected)} from ${news} new or changed labels beside ${champion.learnt}, ` +
        `measured ${points(difference)}${Number.isFinite(spread) ? ` ± ${points(spread, false)}` : ', which one pass cannot prove'}` +
        `${added.length > 0 ? `, and it knows ${quoted(added)}` : ''}`,
      values: {
        mean,
        deviation,
        expected,
        expectedSpread,
        difference,
        groups,
        news,
        learnt: champion.learnt,
        classes,
        added,
        // JSON has no infinity; a single group measures nothing.
        ...(Number.isFinite(spread) ? { spread } : {}),
      },
    },
  };
}

function newClassScore(label: string, samples: readonly PairedSample[]): number {
  const own = samples.filter((sample) => sample.label === label);
  const sum = own.reduce(
    (total, { challenger }) => total + quadraticScore(challenger.probability),
    0,
  );
  return (sum + NEW_CLASS.score * NEW_CLASS.samples) / (own.length + NEW_CLASS.samples);
}
