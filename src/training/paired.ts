import {
  type BootstrapInterval,
  bootstrapMacroF1Delta,
  mcnemarPValue,
  type PairedPredictions,
} from '../head/compare.js';
import { seededRandom } from '../head/random.js';
import type { HeadAnswer } from './scorecard.js';

/** A sample that both heads answered and neither has learnt. */
export interface PairedSample {
  group: string;
  label: string;
  exam: boolean;
  challenger: HeadAnswer;
  champion: HeadAnswer;
}

/**
 * Of each head's probability this share is spread over all classes of the evidence: one wrong label
 * must not outweigh all others, and a class that only one head knows must not cost without limit.
 */
const SPREAD = 0.01;
/** As in `calibrationError`. */
const CALIBRATION_BINS = 15;
const CALIBRATION_DRAWS = 200;
/** So many resamples must lie beyond a percentile, as far as the next limit allows. */
const DRAWS_IN_TAIL = 20;
const MAX_DRAWS = 20_000;

/** A figure of both heads; `excess` is what the challenger's is above the limit. */
export interface Excess {
  challenger: number;
  champion: number;
  /** challenger - (1 + margin) · champion. */
  excess: number;
  /** Standard error of the excess over groups; infinite with a single group. */
  standardError: number;
}

/**
 * Macro-F1 of the challenger less that of the champion, with its lower bound at one-sided error
 * `alpha`: the expanded percentile of the cluster bootstrap (Hesterberg 2015, What teachers should
 * know about the bootstrap). Few groups make plain percentiles too narrow, so the percentile is
 * taken that lies as far out as Student's t lies beyond the normal quantile.
 *
 * @returns `lower` is -1 with a single group: one pass of a robot proves nothing.
 */
export function macroF1Bound(
  samples: readonly PairedSample[],
  { alpha, draws, seed }: { alpha: number; draws: number; seed: number },
): BootstrapInterval {
  const groups = new Set(samples.map(({ group }) => group)).size;
  const share = groups < 2 ? alpha : expandedShare(groups, alpha);
  const interval = bootstrapMacroF1Delta(indexed(samples), {
    draws: Math.min(MAX_DRAWS, Math.max(draws, Math.ceil(DRAWS_IN_TAIL / share))),
    seed,
    confidence: 1 - 2 * share,
  });
  return groups < 2 ? { ...interval, lower: -1 } : interval;
}

/**
 * In how many groups one head was right more often than the other, and the exact one-sided chance
 * of so many losses between equals (McNemar 1947). A group has one vote: frames of one pass fail
 * together.
 */
export function mcnemar(samples: readonly PairedSample[]): {
  wins: number;
  losses: number;
  p: number;
} {
  const nets = new Map<string, number>();
  for (const { group, label, challenger, champion } of samples) {
    const net = Number(challenger.label === label) - Number(champion.label === label);
    nets.set(group, (nets.get(group) ?? 0) + net);
  }
  const wins = [...nets.values()].filter((net) => net > 0).length;
  const losses = [...nets.values()].filter((net) => net < 0).length;
  return { wins, losses, p: mcnemarPValue(losses, wins) };
}

/** Classes with at least `minSamples`: see {@link mcnemar}. */
export function classLosses(
  samples: readonly PairedSample[],
  minSamples: number,
): { label: string; wins: number; losses: number; support: number; p: number }[] {
  const classes = new Map<string, PairedSample[]>();
  for (const sample of samples) {
    const own = classes.get(sample.label);
    if (own) own.push(sample);
    else classes.set(sample.label, [sample]);
  }
  return [...classes]
    .filter(([, own]) => own.length >= minSamples)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, own]) => ({ label, support: own.length, ...mcnemar(own) }));
}

/** Those whose p stays below `level` when all tests together may err so often (Holm 1979). */
export function holm<T extends { p: number }>(tests: readonly T[], level: number): T[] {
  const adjusted = holmAdjusted(tests.map(({ p }) => p));
  return tests.filter((_, i) => adjusted[i]! < level);
}

/** Each p as large as it is when all tests together count (Holm 1979): at most 1. */
export function holmAdjusted(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let most = 0;
  order.forEach((test, i) => {
    most = Math.max(most, Math.min(1, ps[test]! * (ps.length - i)));
    adjusted[test] = most;
  });
  return adjusted;
}

/** Mean -ln p of the true label, nats, with {@link SPREAD}. Groups are the independent units of its error. */
export function logLossExcess(samples: readonly PairedSample[], margin: number): Excess {
  const n = samples.length;
  const classes = new Set(samples.map(({ label }) => label)).size;
  const surprise = (probability: number): number =>
    -Math.log((1 - SPREAD) * probability + SPREAD / classes);
  const sums = new Map<string, { excess: number; count: number }>();
  let challenger = 0;
  let champion = 0;
  for (const sample of samples) {
    const own = surprise(sample.challenger.probability);
    const other = surprise(sample.champion.probability);
    challenger += own / n;
    champion += other / n;
    const group = sums.get(sample.group) ?? { excess: 0, count: 0 };
    sums.set(sample.group, group);
    group.excess += own - (1 + margin) * other;
    group.count += 1;
  }
  const excess = challenger - (1 + margin) * champion;
  const groups = sums.size;
  let squares = 0;
  for (const group of sums.values()) squares += (group.excess - group.count * excess) ** 2;
  const standardError =
    groups < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * groups) / (groups - 1)) / n;
  return { challenger, champion, excess, standardError };
}

/** Expected calibration error; the error of its excess by resampling groups, seeded. */
export function calibrationExcess(
  samples: readonly PairedSample[],
  margin: number,
  seed: number,
): Excess {
  const groupOf = new Map([...new Set(samples.map(({ group }) => group))].map((g, i) => [g, i]));
  const [challenger, champion] = (['challenger', 'champion'] as const).map((head) =>
    resampledCalibration(samples, head, groupOf),
  ) as [ResampledCalibration, ResampledCalibration];
  const groups = groupOf.size;
  const once = new Float64Array(groups).fill(1);
  const excess = (times: Float64Array): number =>
    challenger(times) - (1 + margin) * champion(times);
  const random = seededRandom(seed);
  const times = new Float64Array(groups);
  const drawn = Array.from({ length: groups < 2 ? 0 : CALIBRATION_DRAWS }, () => {
    times.fill(0);
    for (let g = 0; g < groups; g++) times[random.below(groups)]! += 1;
    return excess(times);
  });
  const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
  const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (drawn.length - 1);
  return {
    ...{ challenger: challenger(once), champion: champion(once), excess: excess(once) },
    standardError: drawn.length === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(variance),
  };
}

/** How often each group was drawn, to the calibration error of that draw. */
type ResampledCalibration = (times: Float64Array) => number;

/** As `calibrationError`, sorted once for all draws. */
function resampledCalibration(
  samples: readonly PairedSample[],
  head: 'challenger' | 'champion',
  groupOf: ReadonlyMap<string, number>,
): ResampledCalibration {
  const rows = samples
    .map((sample) => ({
      confidence: sample[head].confidence,
      right: Number(sample[head].label === sample.label),
      group: groupOf.get(sample.group)!,
    }))
    .sort((a, b) => a.confidence - b.confidence || a.right - b.right);
  const gap = Float64Array.from(rows, ({ right, confidence }) => right - confidence);
  const group = Int32Array.from(rows, (row) => row.group);
  return (times) => {
    let n = 0;
    for (let i = 0; i < gap.length; i++) n += times[group[i]!]!;
    let bin = 0;
    let left = binSize(n, 0);
    let sum = 0;
    let error = 0;
    for (let i = 0; i < gap.length; i++) {
      for (let copies = times[group[i]!]!; copies > 0; ) {
        while (left === 0) {
          error += Math.abs(sum);
          sum = 0;
          left = binSize(n, ++bin);
        }
        const taken = Math.min(copies, left);
        sum += taken * gap[i]!;
        copies -= taken;
        left -= taken;
      }
    }
    return (error + Math.abs(sum)) / n;
  };
}

function binSize(n: number, bin: number): number {
  return Math.floor(n / CALIBRATION_BINS) + (bin < n % CALIBRATION_BINS ? 1 : 0);
}

function indexed(samples: readonly PairedSample[]): PairedPredictions {
  const classes = new Map<string, number>();
  const groups = new Map<string, number>();
  const index = (of: Map<string, number>, name: string): number => {
    const known = of.get(name);
    if (known !== undefined) return known;
    of.set(name, of.size);
    return of.size - 1;
  };
  const pick = (of: Map<string, number>, by: (sample: PairedSample) => string): Int32Array =>
    Int32Array.from(samples, (sample) => index(of, by(sample)));
  return {
    labels: pick(classes, (sample) => sample.label),
    champion: pick(classes, (sample) => sample.champion.label),
    challenger: pick(classes, (sample) => sample.challenger.label),
    groups: pick(groups, (sample) => sample.group),
    classCount: classes.size,
  };
}

/** Normal tail beyond sqrt(G / (G - 1)) · t(G - 1) of the same one-sided error. */
function expandedShare(groups: number, alpha: number): number {
  const z = normalQuantile(1 - alpha);
  const v = groups - 1;
  // Student's t from the normal quantile: Abramowitz & Stegun 26.7.5.
  const t =
    z +
    (z ** 3 + z) / (4 * v) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3);
  return normalTail(Math.sqrt(groups / v) * t);
}

/** P[Z > z], z >= 0: Abramowitz & Stegun 26.2.17, error below 7.5e-8; never 0. */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return Math.max(1e-9, (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial);
}

/** For shares above one half: Abramowitz & Stegun 26.2.23, error below 4.5e-4. */
function normalQuantile(share: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - share));
  return (
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) /
      (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3)
  );
}
