import { type Answered, figure, type GateCheck, quoted, scoresOf } from './gate-check.js';
import type { GateInput } from './gate-input.js';
import type { PairedSample } from './paired.js';
import { comparedAuroc, type UnknownScores } from './unknown-auroc.js';

/** The AUROC of unknowns may be worse by this many standard errors. */
const UNKNOWN_ERRORS = 2;
/** A class with fewer samples is not checked. */
const MIN_SAMPLES_OF_A_CLASS = 10;
/**
 * If two heads know a class equally well, one of them loses this many passes and wins none once in
 * 128 times. With three passes the check refused a head that was 14 points better (`bench --
 * life`).
 */
const RECOGNISED_PASSES = 7;
/** One-sided error with which the gate refuses a first head that chance would beat. */
const CHANCE_P = 0.01;
/** Two sums of the same figures in another order differ by their rounding; that must not decide. */
const ROUNDING = 1e-12;

/** The head that was read back from the disk gives bit by bit the answers it gave before. */
export function reproduces({ golden }: GateInput): GateCheck {
  const passed = golden.trained === golden.readBack;
  return {
    name: 'reproduces',
    passed,
    detail: passed
      ? 'gives the same answers before and after it was written'
      : 'gives other answers after it was read back from the disk',
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

/** The new head still recognises each class that the serving head recognises in several passes. */
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

/** The new head detects things that it was not taught as well as the serving head does. */
export function unknowns(
  scores: readonly UnknownScores[],
  { settings: { unknownAurocMargin: margin } }: GateInput,
): GateCheck {
  const { challenger, champion, standardError } = comparedAuroc(scores);
  const passed = champion - challenger - margin <= UNKNOWN_ERRORS * standardError + ROUNDING;
  const against = `detects unknown things with AUROC ${figure(challenger)} against ${figure(champion)}`;
  return {
    name: 'unknowns',
    passed,
    detail: passed
      ? against
      : `${against}: the margin is ${figure(margin)}, and chance explains ${figure(UNKNOWN_ERRORS * standardError)} more`,
    values: {
      challenger,
      champion,
      margin,
      samples: scores.length,
      ...(Number.isFinite(standardError) ? { standardError } : {}),
    },
  };
}

/**
 * A first head serves at once, however little it knows, unless it is certainly worse than always
 * answering one class. The mean recall of that is one over the number of classes. Each pass has one
 * vote.
 */
export function notWorseThanChance(samples: readonly (Answered & { group: string })[]): GateCheck {
  if (samples.length === 0) {
    const detail = 'no sample to measure on yet';
    return { name: 'not-worse-than-chance', passed: true, detail, values: { samples: 0 } };
  }
  const { meanRecall, perClass } = scoresOf(samples, 'challenger');
  const votes = new Set(samples.map(({ group }) => group)).size;
  const chance = 1 / perClass.length;
  const p = binomialTail(votes, Math.round(meanRecall * votes), chance);
  const against = `mean recall ${figure(meanRecall)} against ${figure(chance)} for always answering one class`;
  const passed = p >= CHANCE_P;
  return {
    name: 'not-worse-than-chance',
    passed,
    detail: passed ? against : `${against}, too low to be chance (p = ${p.toPrecision(2)})`,
    values: { meanRecall, chance, votes, p },
  };
}

/** P[Bin(n, p) <= hits]. */
function binomialTail(n: number, hits: number, p: number): number {
  if (p >= 1) return 1;
  let logTerm = n * Math.log(1 - p);
  let tail = 0;
  for (let k = 0; k <= hits; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(n - k) - Math.log(k + 1) + Math.log(p) - Math.log(1 - p);
  }
  return Math.min(1, tail);
}
