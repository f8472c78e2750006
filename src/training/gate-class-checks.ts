import { type GateCheck, quoted, scoresOf } from './gate-check.js';
import type { GateInput } from './gate-input.js';
import { classLosses, holm, type PairedSample } from './paired.js';

/** Fewer samples of a class than this say nothing about what became of it. */
const MIN_SAMPLES_OF_A_CLASS = 10;
const CLASS_LOSS_P = 0.05;
/** Recognised in fewer passes than this, a class may have been guessed by chance. */
const RECOGNISED_PASSES = 3;

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

/**
 * No class that has samples is lost to chance's satisfaction: exact one-sided McNemar tests,
 * corrected for their number (Holm 1979), or one head in three would fail by chance with ten classes.
 */
export function noClassWorse(samples: readonly PairedSample[]): GateCheck {
  const tested = classLosses(samples, MIN_SAMPLES_OF_A_CLASS);
  const worse = holm(tested, CLASS_LOSS_P);
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

/** A class that the serving head recognises in several passes, and the new one never. */
export function noClassLost(samples: readonly PairedSample[]): GateCheck {
  const own = new Map(scoresOf(samples, 'challenger').perClass.map((c) => [c.label, c.f1]));
  const passes = (label: string): number =>
    new Set(
      samples
        .filter((sample) => sample.label === label && sample.champion.label === label)
        .map(({ group }) => group),
    ).size;
  const lost = scoresOf(samples, 'champion')
    .perClass.filter((c) => c.support >= MIN_SAMPLES_OF_A_CLASS)
    .filter((c) => own.get(c.label) === 0 && passes(c.label) >= RECOGNISED_PASSES)
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
