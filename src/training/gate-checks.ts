import { type Answered, figure, type GateCheck, quoted, scoresOf, signed } from './gate-check.js';
import type { GateInput } from './gate-input.js';
import {
  calibrationExcess,
  type Excess,
  logLossExcess,
  macroF1Bound,
  type PairedSample,
} from './paired.js';
import { majorityBaseline } from './scorecard.js';
import { comparedAuroc, type UnknownScores } from './unknown-auroc.js';

/** Fewer exam samples say nothing about a head. */
const MIN_EXAM_SAMPLES = 10;
/** The new head must be less surprised by this share, or the change is for nothing. */
const GAIN_SHARE = 0.01;
/** Of two heads with the same macro-F1 this share of what the new one has learnt must be new. */
const TIE_NEW_SHARE = 0.1;
/** So many standard errors may calibration be off: binned, it moves more by chance than log-loss. */
const CALIBRATION_ERRORS = 2;
/** Rounding of two sums of the same figures in another order must not decide. */
const ROUNDING = 1e-12;
/** Nats of log-loss, or calibration error: less than this is no difference that anyone meets. */
const NEGLIGIBLE_LOSS = 0.005;

/** As read back from the disk it answers bit by bit what it answered before it was written. */
export function reproduces({ golden }: GateInput): GateCheck {
  const passed = golden.trained === golden.readBack;
  return {
    name: 'reproduces',
    passed,
    detail: passed
      ? 'answers as it did before it was written to the disk'
      : 'read back from the disk it does not answer as it did before',
    values: { seed: golden.seed, rows: golden.rows },
  };
}

/** It is not worse, by the lower bound that this look at the exam affords. */
export function macroF1(
  samples: readonly PairedSample[],
  version: number,
  { look, seed, settings, source }: GateInput,
): GateCheck {
  // Training samples that left-out heads answered are no exam, however many they are.
  const largeExam = source === 'exam' && samples.length >= settings.largeExamSamples;
  const margin = largeExam ? 0 : settings.macroF1Margin;
  const { delta, lower, groups, draws } = macroF1Bound(samples, {
    ...{ alpha: look.alpha, draws: settings.bootstrapDraws, seed },
  });
  const own = scoresOf(samples, 'challenger').macroF1;
  const other = scoresOf(samples, 'champion').macroF1;
  const passed = lower >= -margin - ROUNDING;
  const against = `macro-F1 ${figure(own)} against ${figure(other)} of head ${version}`;
  const sure = `with ${((1 - look.alpha) * 100).toFixed(2)} % certainty`;
  return {
    name: 'macro-f1',
    passed,
    detail:
      groups < 2
        ? `${against}, but all samples are of one group, which proves nothing`
        : passed
          ? `${against}, ${sure} at least ${signed(lower)}`
          : `${against}, which ${sure} could be ${signed(lower)} where ${signed(-margin)} is allowed`,
    values: {
      ...{ challenger: own, champion: other, delta, lower, margin, groups, draws },
      ...{ look: look.count, alpha: look.alpha },
    },
  };
}

/**
 * It is of more use: certainly less surprised by the truth (of all paired differences log-loss needs
 * the fewest samples to show), or of one class more; with an equal score only if it has learnt a good
 * deal more. Else a change would be for nothing.
 */
export function gain(
  samples: readonly PairedSample[],
  difference: GateCheck,
  champion: { version: number; labels: readonly string[] },
  { challengerLabels, newlyLearnt, learnt }: GateInput,
): GateCheck {
  const delta = difference.values.delta as number;
  const known = new Set(champion.labels);
  const added = challengerLabels.filter((label) => !known.has(label));
  const { challenger, champion: other, excess, standardError } = logLossExcess(samples, 0);
  const least = Math.max(standardError, GAIN_SHARE * other);
  const surer = -excess > least + ROUNDING;
  const equal = Math.abs(delta) <= ROUNDING;
  const more = equal && newlyLearnt > 0 && newlyLearnt >= TIE_NEW_SHARE * learnt;
  const losses = `log-loss ${figure(challenger)} against ${figure(other)}`;
  const detail =
    added.length > 0
      ? `it also knows ${quoted(added)}`
      : surer
        ? `surer of the right answers: ${losses}`
        : more
          ? `equal, and it has learnt ${newlyLearnt} more samples`
          : `no gain over head ${champion.version}: ${losses}, where chance explains ${figure(least)}`;
  return {
    name: 'gain',
    passed: added.length > 0 || surer || more,
    detail,
    values: {
      ...{ delta, added, newlyLearnt, learnt, logLoss: challenger, championLogLoss: other },
      // JSON has no infinity: with a single group nothing is known.
      ...(Number.isFinite(standardError) ? { standardError } : {}),
    },
  };
}

/** Where others joined a small exam, the exam itself must not speak against it. */
export function examNotWorse(samples: readonly PairedSample[]): GateCheck {
  const exam = samples.filter((sample) => sample.exam);
  if (exam.length < MIN_EXAM_SAMPLES) {
    const detail = `too few samples of the exam (${exam.length}) to ask it alone`;
    return { name: 'exam-not-worse', passed: true, detail, values: { samples: exam.length } };
  }
  return withinLimit('exam-not-worse', 'log-loss on the exam', logLossExcess(exam, 0), 0, 1);
}

export function logLoss(
  samples: readonly PairedSample[],
  { settings: { lossMargin } }: GateInput,
): GateCheck {
  const excess = logLossExcess(samples, lossMargin);
  return withinLimit('log-loss', 'log-loss', excess, lossMargin, 1);
}

export function calibration(
  samples: readonly PairedSample[],
  { seed, settings: { lossMargin } }: GateInput,
): GateCheck {
  const excess = calibrationExcess(samples, lossMargin, seed);
  return withinLimit('calibration', 'calibration error', excess, lossMargin, CALIBRATION_ERRORS);
}

/** It tells things that it was not taught from those that it was as well as the serving head. */
export function unknowns(
  scores: readonly UnknownScores[],
  { settings: { unknownAurocMargin: margin } }: GateInput,
): GateCheck {
  const { challenger, champion, standardError } = comparedAuroc(scores);
  const passed = champion - challenger - margin <= standardError + ROUNDING;
  const against = `tells unknown things apart with AUROC ${figure(challenger)} against ${figure(champion)}`;
  return {
    name: 'unknowns',
    passed,
    detail: passed
      ? against
      : `${against}, where ${figure(margin)} less is allowed and chance explains ${figure(standardError)}`,
    values: {
      ...{ challenger, champion, margin, samples: scores.length },
      ...(Number.isFinite(standardError) ? { standardError } : {}),
    },
  };
}

/**
 * It knows more than the most frequent class. Accuracy is no measure of that: heads weigh all classes
 * alike, so where one class is most of the samples, a useful one is right less often than its name.
 */
export function beatsMajority(samples: readonly Answered[]): GateCheck {
  const scores = scoresOf(samples, 'challenger');
  const baseline = majorityBaseline(scores);
  const passed =
    scores.meanRecall > baseline.meanRecall + ROUNDING &&
    scores.macroF1 > baseline.macroF1 + ROUNDING;
  return {
    name: 'beats-majority',
    passed,
    detail:
      `mean recall ${figure(scores.meanRecall)} and macro-F1 ${figure(scores.macroF1)} against ` +
      `${figure(baseline.meanRecall)} and ${figure(baseline.macroF1)} of always answering the most ` +
      'frequent class',
    values: {
      meanRecall: scores.meanRecall,
      macroF1: scores.macroF1,
      baselineMeanRecall: baseline.meanRecall,
      baselineMacroF1: baseline.macroF1,
    },
  };
}

/**
 * Refuses what is worse than the limit by more than `errors` standard errors over groups: a few samples
 * move these figures by more than the limit without meaning anything. Near zero a share of the
 * champion's figure is nothing at all, hence the absolute part.
 */
function withinLimit(
  name: 'log-loss' | 'calibration' | 'exam-not-worse',
  what: string,
  { challenger, champion, excess, standardError }: Excess,
  margin: number,
  errors: number,
): GateCheck {
  const chance = errors * standardError;
  const passed = excess <= Math.max(chance, NEGLIGIBLE_LOSS);
  const against = `${what} ${figure(challenger)} against ${figure(champion)}`;
  return {
    name,
    passed,
    detail: passed
      ? against
      : `${against}, where ${Math.round(margin * 100)} % more is allowed and chance explains ${figure(chance)}`,
    values: {
      ...{ challenger, champion, margin },
      ...(Number.isFinite(standardError) ? { standardError } : {}),
    },
  };
}
