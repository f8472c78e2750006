import { majorityBaseline, type Scorecard } from './scorecard.js';

/** Fewer samples of a class than this say nothing about whether it was lost. */
const MIN_SAMPLES_TO_LOSE_A_CLASS = 10;
/** Rounding of two sums of the same figures in another order must not decide. */
const ROUNDING = 1e-12;

/** What the scores were measured on; `none`: there is a serving head but nothing to compare on. */
export type GateEvidence = 'exam' | 'leave-group-out' | 'none';

export interface GateInput {
  /** Where the challenger's scores come from. */
  source: Exclude<GateEvidence, 'none'>;
  /** In words, why this evidence and no better; null when it is the exam. */
  note: string | null;
  /** The challenger's answers to the samples of the evidence. */
  challenger: Scorecard;
  /** Its classes. */
  challengerLabels: readonly string[];
  /** The serving head; null: there is none. */
  champion: {
    version: number;
    labels: readonly string[];
    /** Its answers to the very same samples; null: no comparison is possible. */
    scores: Scorecard | null;
  } | null;
  /** Every label that still has a sample in the store, whatever its number. */
  labelsWithSamples: readonly string[];
  settings: {
    /** By so much may macro-F1 fall below the champion's, 0..1. */
    macroF1Margin: number;
  };
}

export interface GateCheck {
  name: 'knows-every-class' | 'macro-f1' | 'no-class-lost' | 'beats-majority';
  passed: boolean;
  /** One clause in words, with the figures. */
  detail: string;
  values: Record<string, number | string[]>;
}

export interface GateDecision {
  promote: boolean;
  /** In words, with the figures that decided. */
  reason: string;
  evidence: GateEvidence;
  /** How many samples the evidence has. */
  samples: number;
  checks: GateCheck[];
}

/**
 * Decides whether a challenger may serve. Pure. With a champion that can be compared, on the same
 * samples: macro-F1 not below it by more than the margin, and no class lost. Without one: better
 * than always answering the most frequent class, in accuracy and in macro-F1.
 */
export function decide(input: GateInput): GateDecision {
  const { champion, challenger } = input;
  const compared = champion?.scores ?? null;
  const checks: GateCheck[] = [];
  if (champion) checks.push(knowsEveryClass(champion.labels, input));
  if (champion && compared) {
    checks.push(macroF1(compared, champion.version, input), noClassLost(compared, input));
  } else {
    checks.push(beatsMajority(challenger));
  }
  const failed = checks.filter((check) => !check.passed);
  const promote = failed.length === 0;
  const what = (promote ? checks : failed).map((check) => check.detail).join('; ');
  const on = `on ${challenger.samples} ${
    input.source === 'exam' ? 'exam samples' : 'samples by leave-group-out'
  }`;
  return {
    promote,
    reason: `${promote ? 'promoted' : 'refused'} ${on}: ${what}${input.note ? `. ${input.note}` : ''}`,
    evidence: champion && !compared ? 'none' : input.source,
    samples: challenger.samples,
    checks,
  };
}

function knowsEveryClass(championLabels: readonly string[], input: GateInput): GateCheck {
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

function macroF1(champion: Scorecard, version: number, input: GateInput): GateCheck {
  const margin = input.settings.macroF1Margin;
  const own = input.challenger.macroF1;
  const passed = own >= champion.macroF1 - margin - ROUNDING;
  const against = `macro-F1 ${figure(own)} against ${figure(champion.macroF1)} of head ${version}`;
  return {
    name: 'macro-f1',
    passed,
    detail: passed
      ? against
      : `${against}, ${figure(champion.macroF1 - own)} below it where ${figure(margin)} is allowed`,
    values: { challenger: own, champion: champion.macroF1, margin },
  };
}

function noClassLost(champion: Scorecard, input: GateInput): GateCheck {
  const own = new Map(input.challenger.perClass.map((c) => [c.label, c.f1]));
  const lost = champion.perClass
    .filter((c) => c.support >= MIN_SAMPLES_TO_LOSE_A_CLASS)
    .filter((c) => c.f1 > 0 && (own.get(c.label) ?? 0) === 0)
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

function beatsMajority(challenger: Scorecard): GateCheck {
  const baseline = majorityBaseline(challenger);
  const passed =
    challenger.accuracy > baseline.accuracy + ROUNDING &&
    challenger.macroF1 > baseline.macroF1 + ROUNDING;
  return {
    name: 'beats-majority',
    passed,
    detail:
      `accuracy ${figure(challenger.accuracy)} and macro-F1 ${figure(challenger.macroF1)} against ` +
      `${figure(baseline.accuracy)} and ${figure(baseline.macroF1)} of always answering the most ` +
      'frequent class',
    values: {
      accuracy: challenger.accuracy,
      macroF1: challenger.macroF1,
      baselineAccuracy: baseline.accuracy,
      baselineMacroF1: baseline.macroF1,
    },
  };
}

function figure(value: number): string {
  return value.toFixed(3);
}

function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(', ');
}
