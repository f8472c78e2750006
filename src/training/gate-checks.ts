import type { GateInput } from './gate-input.js';
import {
  calibrationExcess,
  classLosses,
  type Excess,
  logLossExcess,
  macroF1Bound,
  mcnemar,
  type PairedSample,
} from './paired.js';
import { type HeadAnswer, majorityBaseline, type Scorecard, scoreAnswers } from './scorecard.js';

/** Fewer samples of a class than this say nothing about what became of it. */
const MIN_SAMPLES_OF_A_CLASS = 10;
const CLASS_LOSS_P = 0.05;
/** Of two heads with the same macro-F1 the new one must be by this share less surprised. */
const TIE_LOG_LOSS_SHARE = 0.01;
/** Or this share of what it has learnt must be new. */
const TIE_NEW_SHARE = 0.1;
/** Rounding of two sums of the same figures in another order must not decide. */
const ROUNDING = 1e-12;
/** Nats of log-loss, or calibration error: less than this is no difference that anyone meets. */
const NEGLIGIBLE_LOSS = 0.005;

export const CHECK_NAMES = [
  'reproduces',
  'knows-every-class',
  'macro-f1',
  'gain',
  'exam-not-worse',
  'no-class-worse',
  'no-class-lost',
  'log-loss',
  'calibration',
  'unknowns',
  'beats-majority',
] as const;

interface Answered {
  label: string;
  challenger: HeadAnswer;
  champion: HeadAnswer | null;
}

export interface GateCheck {
  name: (typeof CHECK_NAMES)[number];
  passed: boolean;
  /** One clause in words, with the figures. */
  detail: string;
  values: Record<string, number | string[]>;
}

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

export function knowsEveryClass(championLabels: readonly string[], input: GateInput): GateCheck {
  const known = new Set(input.challengerLabels);
  const alive = new Set(input.labelsWithSamples);
  const missing = championLabels.filter((label) => alive.has(label) && !known.has(label));
  return {
    name: 'knows-every-class',
    passed: missing.length === 0,
    detail:
      missing.length === 0
        ? 'knows every class of the serving head'
        : `does not know ${quoted(missing)}, which the serving head knows and which still has samples`,
    values: { missing },
  };
}

/** It is not worse, by the lower bound that this look at the exam affords. */
export function macroF1(
  samples: readonly PairedSample[],
  version: number,
  { look, seed, settings }: GateInput,
): GateCheck {
  const margin = samples.length >= settings.largeExamSamples ? 0 : settings.macroF1Margin;
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
 * It is of more use: better, or of one class more; with an equal score only if it is less surprised
 * by the truth, or has learnt a good deal more. Else a change would be for nothing.
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
  const { challenger, champion: other } = logLossExcess(samples, 0);
  const better = delta > ROUNDING;
  const equal = delta >= -ROUNDING;
  const surer = equal && challenger <= other * (1 - TIE_LOG_LOSS_SHARE) - ROUNDING;
  const more = equal && newlyLearnt > 0 && newlyLearnt >= TIE_NEW_SHARE * learnt;
  const detail =
    added.length > 0
      ? `it also knows ${quoted(added)}`
      : better
        ? `better by ${figure(delta)}`
        : surer
          ? 'equal, and surer of the right answers'
          : more
            ? `equal, and it has learnt ${newlyLearnt} more samples`
            : `no gain over head ${champion.version}: it serves on`;
  return {
    name: 'gain',
    passed: added.length > 0 || better || surer || more,
    detail,
    values: { delta, added, newlyLearnt, learnt, logLoss: challenger, championLogLoss: other },
  };
}

/** Where others joined a small exam, the exam itself must not speak against it. */
export function examNotWorse(samples: readonly PairedSample[]): GateCheck {
  const { wins, losses, p } = mcnemar(samples.filter((sample) => sample.exam));
  const passed = p >= CLASS_LOSS_P;
  return {
    name: 'exam-not-worse',
    passed,
    detail: passed
      ? 'not worse on the exam'
      : `worse on the exam: ${losses} passes lost and ${wins} won (p = ${p.toPrecision(2)})`,
    values: { wins, losses, p },
  };
}

/** No class that has samples is lost to chance's satisfaction: exact one-sided McNemar test. */
export function noClassWorse(samples: readonly PairedSample[]): GateCheck {
  const tested = classLosses(samples, MIN_SAMPLES_OF_A_CLASS);
  const worse = tested.filter(({ p }) => p < CLASS_LOSS_P);
  return {
    name: 'no-class-worse',
    passed: worse.length === 0,
    detail:
      worse.length === 0
        ? 'no class worse'
        : worse
            .map(
              ({ label, wins, losses, p }) =>
                `"${label}" is worse: ${losses} passes lost and ${wins} won (p = ${p.toPrecision(2)})`,
            )
            .join(', '),
    values: {
      tested: tested.map(({ label }) => label),
      worse: worse.map(({ label }) => label),
      leastP: Math.min(1, ...tested.map(({ p }) => p)),
    },
  };
}

export function noClassLost(samples: readonly PairedSample[]): GateCheck {
  const own = new Map(scoresOf(samples, 'challenger').perClass.map((c) => [c.label, c.f1]));
  const lost = scoresOf(samples, 'champion')
    .perClass.filter((c) => c.support >= MIN_SAMPLES_OF_A_CLASS)
    .filter((c) => c.f1 > 0 && own.get(c.label) === 0)
    .map((c) => c.label);
  return {
    name: 'no-class-lost',
    passed: lost.length === 0,
    detail:
      lost.length === 0
        ? 'no class lost'
        : `never right on ${quoted(lost)}, which the serving head recognises`,
    values: { lost },
  };
}

export function logLoss(
  samples: readonly PairedSample[],
  { settings: { lossMargin } }: GateInput,
): GateCheck {
  return withinLimit('log-loss', 'log-loss', logLossExcess(samples, lossMargin), lossMargin);
}

export function calibration(
  samples: readonly PairedSample[],
  { seed, settings: { lossMargin } }: GateInput,
): GateCheck {
  const excess = calibrationExcess(samples, lossMargin, seed);
  return withinLimit('calibration', 'calibration error', excess, lossMargin);
}

export function unknowns(
  { challenger, champion }: NonNullable<GateInput['unknownAuroc']>,
  { settings: { unknownAurocMargin: margin } }: GateInput,
): GateCheck {
  const passed = challenger >= champion - margin - ROUNDING;
  return {
    name: 'unknowns',
    passed,
    detail: `tells unknown things apart with AUROC ${figure(challenger)} against ${figure(champion)}`,
    values: { challenger, champion, margin },
  };
}

export function beatsMajority(samples: readonly Answered[]): GateCheck {
  const scores = scoresOf(samples, 'challenger');
  const baseline = majorityBaseline(scores);
  const passed =
    scores.accuracy > baseline.accuracy + ROUNDING && scores.macroF1 > baseline.macroF1 + ROUNDING;
  return {
    name: 'beats-majority',
    passed,
    detail:
      `accuracy ${figure(scores.accuracy)} and macro-F1 ${figure(scores.macroF1)} against ` +
      `${figure(baseline.accuracy)} and ${figure(baseline.macroF1)} of always answering the most ` +
      'frequent class',
    values: {
      accuracy: scores.accuracy,
      macroF1: scores.macroF1,
      baselineAccuracy: baseline.accuracy,
      baselineMacroF1: baseline.macroF1,
    },
  };
}

/**
 * Refuses what is worse than the limit by more than one standard error over groups: a few samples
 * move these figures by more than the limit without meaning anything. Near zero a share of the
 * champion's figure is nothing at all, hence the absolute part.
 */
function withinLimit(
  name: 'log-loss' | 'calibration',
  what: string,
  { challenger, champion, excess, standardError }: Excess,
  margin: number,
): GateCheck {
  const passed = excess <= Math.max(standardError, NEGLIGIBLE_LOSS);
  const against = `${what} ${figure(challenger)} against ${figure(champion)}`;
  return {
    name,
    passed,
    detail: passed
      ? against
      : `${against}, where ${figure(margin * 100)} % more is allowed and chance explains ${figure(standardError)}`,
    values: {
      ...{ challenger, champion, margin },
      // JSON has no infinity: with a single group nothing is known.
      ...(Number.isFinite(standardError) ? { standardError } : {}),
    },
  };
}

function scoresOf(samples: readonly Answered[], head: 'challenger' | 'champion'): Scorecard {
  return scoreAnswers(
    samples.map(({ label }) => label),
    samples.map((sample) => sample[head]?.label as string),
  );
}

function figure(value: number): string {
  return value.toFixed(3);
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : '−'}${figure(Math.abs(value))}`;
}

function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(', ');
}
