import { duration } from '../../base/words/duration.js';
import { holmAdjusted } from '../../head/compare.js';
import { type PairedDifference, pairedDifference } from './study-statistics.js';
import { type FoldResult, points, type Study, type StudyRow, type Verdict } from './study-types.js';
import { type NetworkVariant, traits } from './study-variants.js';

/** Probability of a false statement, for all tests of one kind together. */
const LEVEL = 0.05;
const MEMORISES = { trainingAccuracy: 0.9, gap: 0.2 };
/** Accuracy on training photos below which a network has not learnt what it could. */
const LEARNT = 0.7;

type Facts = Pick<
  Study,
  'photos' | 'classes' | 'majority' | 'folds' | 'rows' | 'settings' | 'interrupted' | 'plan'
>;
/** A row of a network that ran. */
type NetworkRow = StudyRow & { variant: NetworkVariant } & Ran;
type Ran = { [K in 'accuracy' | 'trainingAccuracy' | 'gap']: NonNullable<StudyRow[K]> };

/**
 * The result of a study in sentences. A difference is stated only where a paired test over groups
 * and folds (see `pairedDifference`) puts its chance below 5 %, after Holm's correction over the
 * tests of the same kind; otherwise the two "cannot be told apart".
 */
export function studyVerdict(study: Facts): Verdict {
  const ran = study.rows.filter((row): row is StudyRow & Ran => row.accuracy !== null);
  const networks = ran.filter((row): row is NetworkRow => row.variant.kind === 'network');
  const frozen = ran.find((row) => row.variant.kind === 'backbone');
  const reference = networks.find(({ variant }) => variant.id === 'plain') ?? networks[0];
  const compare = comparer(study);
  const race = frozen && networks.length > 0 ? raceOf(frozen, networks, compare) : null;
  // A single fold has no error: whatever it shows may be luck, so no sentence states it.
  const comparable = study.folds.run.length >= 2 ? networks : [];
  return {
    headline: race?.headline ?? headlineOfOne(frozen ?? best(networks)),
    statements: [
      ...(reference ? [ofReference(reference, study, compare)] : []),
      ...(reference ? ofOthers(reference, comparable, compare) : []),
      ...(reference ? ofLearningRates(reference, comparable, compare) : []),
      ...(race ? race.statements : frozen ? [`${reached('The frozen backbone', frozen)}.`] : []),
      ...ofEvidence(study, ran),
    ],
  };
}

type Compare = (
  a: readonly FoldResult[],
  b: readonly FoldResult[] | null,
  value: (result: FoldResult) => number,
) => PairedDifference;

/** Differences a - b by fold, or of a alone. */
function comparer({ folds, photos }: Facts): Compare {
  const parts = folds.run.map((fold) => folds.parts[fold]!.photos);
  const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const ratio = mean(parts.map((heldOut) => heldOut / (photos.count - heldOut)));
  const step = 1 / mean(parts);
  return (a, b, value) => {
    const other = new Map(b?.map((result) => [result.fold, result]));
    const pairs = a
      .filter(({ fold }) => b === null || other.has(fold))
      .map((result) => ({ result, rival: other.get(result.fold) ?? null }));
    return pairedDifference({
      byFold: pairs.map(({ result, rival }) => value(result) - (rival ? value(rival) : 0)),
      // A gap moves with the held-out photos like accuracy, in the other direction.
      byGroup: pairs.flatMap(({ result, rival }) =>
        result.groups.map(({ photos, right }, i) => ({
          photos,
          excess: right - (rival ? rival.groups[i]!.right : 0),
        })),
      ),
      heldOutPerTraining: ratio,
      step,
    });
  };
}

const accuracyOf = ({ accuracy }: FoldResult) => accuracy;
const gapOf = ({ trainingAccuracy, accuracy }: FoldResult) => trainingAccuracy - accuracy;

function ofReference(row: NetworkRow, study: Facts, compare: Compare): string {
  const { photos, classes, majority, folds } = study;
  const of = `On your ${photos.count} photos of ${classes.length} classes, ${describe(row.variant)}`;
  const lead = `${of} reached ${percent(row.accuracy)} on held-out groups while fitting its training photos to ${percent(row.trainingAccuracy)}`;
  const gap = compare(row.folds, null, gapOf);
  const learnt = row.trainingAccuracy.mean;
  const overfits = gap.p < LEVEL && gap.mean > 0;
  const sentences = [
    overfits && learnt >= MEMORISES.trainingAccuracy && gap.mean >= MEMORISES.gap
      ? `${lead}: it memorises.`
      : overfits
        ? `${lead}: it overfits (gap ${signed(gap)}).`
        : `${lead}; the gap ${gap.folds < 2 ? 'has no standard error' : `cannot be told from none (${signed(gap)})`}.`,
  ];
  if (learnt < LEARNT) {
    sentences.push(
      `It has not learnt its training photos after ${row.epochs} ${row.epochs === 1 ? 'epoch' : 'epochs'}: more (--epochs, --budget-seconds) may raise both figures.`,
    );
  }
  const chance = new Map(folds.run.map((fold) => [fold, folds.parts[fold]!.majorityAccuracy]));
  const above = compare(row.folds, null, (r) => r.accuracy - chance.get(r.fold)!);
  if (!(above.p < LEVEL && above.mean > 0) && above.folds > 1) {
    sentences.push(
      `That cannot be told apart from always answering "${majority.label}" (${(100 * majority.accuracy).toFixed(1)} %).`,
    );
  }
  return sentences.join(' ');
}

/** Regularisation, augmentation and combinations, each against the reference. */
function ofOthers(
  reference: NetworkRow,
  networks: readonly NetworkRow[],
  compare: Compare,
): string[] {
  const others = networks.filter((row) => row !== reference && !differsByRateOnly(row, reference));
  const gaps = adjusted(others.map((row) => compare(row.folds, reference.folds, gapOf)));
  const gains = adjusted(others.map((row) => compare(row.folds, reference.folds, accuracyOf)));
  return others.map((row, i) => {
    const [gap, gain] = [gaps[i]!, gains[i]!];
    const [from, to] = [hundredths(reference.gap.mean), hundredths(row.gap.mean)];
    const name = capital(traits(row.variant).join(' with ') || describe(row.variant));
    const spread =
      gap.p < LEVEL
        ? `${gap.mean < 0 ? 'narrowed' : 'widened'} the gap between training and held-out photos from ${from} to ${to} points (${signed(gap)})`
        : `left a gap of ${to} points between training and held-out photos that cannot be told apart from ${from} (${signed(gap)})`;
    const accuracy =
      gain.p < LEVEL
        ? `${gain.mean > 0 ? 'raised' : 'lowered'} held-out accuracy from ${hundredths(reference.accuracy.mean)} to ${percent(row.accuracy)} (${signed(gain)})`
        : `its held-out accuracy of ${percent(row.accuracy)} cannot be told apart from ${hundredths(reference.accuracy.mean)} % (${signed(gain)})`;
    return `${name} ${spread}${gain.p < LEVEL ? ' and ' : '; '}${accuracy}.`;
  });
}

function ofLearningRates(
  reference: NetworkRow,
  networks: readonly NetworkRow[],
  compare: Compare,
): string[] {
  const rows = networks
    .filter((row) => row === reference || differsByRateOnly(row, reference))
    .sort((a, b) => a.variant.learningRate - b.variant.learningRate);
  if (rows.length < 2) return [];
  const top = best(rows)!;
  const pairs = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => [a, b] as const));
  // Over all pairs, because the best of them is known only afterwards.
  const tests = adjusted(pairs.map(([a, b]) => compare(a.folds, b.folds, accuracyOf)));
  const against = pairs.flatMap(([a, b], i) => {
    const test = tests[i]!;
    if (a === top) return [{ other: b, test: { ...test, mean: -test.mean } }];
    return b === top ? [{ other: a, test }] : [];
  });
  const rate = (row: NetworkRow) => String(row.variant.learningRate);
  const part = ({ other, test }: (typeof against)[number]) =>
    `${rate(other)} (${percent(other.accuracy)}, ${signed(test)})`;
  const worse = against.filter(({ test }) => test.p < LEVEL);
  const alike = against.filter(({ test }) => test.p >= LEVEL);
  const lead = `Of the learning rates ${list(rows.map(rate))}, ${rate(top)}`;
  if (alike.length === 0) {
    return [`${lead} was best (${percent(top.accuracy)}), ahead of ${list(worse.map(part))}.`];
  }
  const ahead = worse.length > 0 ? ` It was better than ${list(worse.map(part))}.` : '';
  return [
    `${lead} reached the most (${percent(top.accuracy)}), but cannot be told apart from ${list(alike.map(part))}.${ahead}`,
  ];
}

/** The frozen backbone against all networks. */
function raceOf(
  frozen: StudyRow & Ran,
  networks: readonly NetworkRow[],
  compare: Compare,
): { headline: string; statements: string[] } {
  const top = best(networks)!;
  const tests = networks.map((row) => compare(frozen.folds, row.folds, accuracyOf));
  const test = tests[networks.indexOf(top)]!;
  // Better than each network: the largest p holds without a correction. Worse than the best, which
  // was picked from so many by the same figures: Bonferroni's correction.
  const allBetter = tests.every(({ mean }) => mean > 0);
  const better = { ...test, p: Math.max(...tests.map(({ p }) => p)) };
  const worse = { ...test, p: Math.min(1, test.p * networks.length) };
  const [own, other] = [percent(frozen.accuracy), percent(top.accuracy)];
  const lead = reached('The frozen backbone with a small head', frozen);
  const network = describe(top.variant);
  const rival =
    networks.length > 1 ? `the best of ${networks.length} networks (${network})` : network;
  const time = `It took ${duration(frozen.seconds)} in all, ${networks.length > 1 ? 'that network' : 'the network'} ${duration(top.seconds)}.`;
  if (allBetter && better.p < LEVEL) {
    return {
      headline: `The frozen backbone is right in ${own} of held-out photos, the best network from scratch in ${other}`,
      statements: [
        `${lead}: better than ${networks.length > 1 ? `each network from scratch, and ${hundredths(test.mean)} points above ${rival}` : network}, which reached ${other} (difference ${signed(better)}). ${time} Keep the frozen backbone.`,
      ],
    };
  }
  if (worse.mean < 0 && worse.p < LEVEL) {
    return {
      headline: `A network from scratch is right in ${other} of held-out photos, the frozen backbone in ${own}`,
      statements: [
        `${lead}: worse than ${rival}, which reached ${other} (difference ${signed(worse)}). ${time} This backbone does not fit these photos: try another (\`headland models list\`) or a larger input.`,
      ],
    };
  }
  if (test.folds < 2) {
    return {
      headline: `In one fold the frozen backbone is right in ${own}, the best network from scratch in ${other}`,
      statements: [`${lead}; ${rival} reached ${other}. ${time}`],
    };
  }
  const shown = test.mean > 0 ? better : worse;
  return {
    headline: `The frozen backbone (${own}) and the best network from scratch (${other}) cannot be told apart`,
    statements: [
      `${lead}; ${rival} reached ${other}. The two cannot be told apart (difference ${signed(shown)}). ${time}`,
    ],
  };
}

function ofEvidence({ folds, rows, plan, interrupted }: Facts, ran: readonly StudyRow[]): string[] {
  const sentences: string[] = [];
  const { count, run } = folds;
  const missing = rows.filter((row) => row.accuracy === null).map((row) => row.name);
  const cut = ran.filter((row) => row.state === 'cut').map((row) => row.name);
  if (run.length < count) {
    const why = interrupted
      ? 'the study was interrupted'
      : 'the budget allowed no more (--budget-seconds)';
    sentences.push(`Only ${run.length} of ${count} folds count: ${why}.`);
  }
  if (missing.length > 0) sentences.push(`Not run: ${missing.join('; ')}.`);
  if (cut.length > 0) {
    sentences.push(
      `Ended before epoch ${plan.epochs}, so lower than they could be: ${cut.join('; ')}.`,
    );
  }
  if (run.length === 1) {
    sentences.push('One fold has no standard error: no difference is stated.');
  } else if (run.length === 2) {
    sentences.push('Two folds tell only very large differences apart.');
  }
  return sentences.length > 0 ? [sentences.join(' ')] : [];
}

function headlineOfOne(row: (StudyRow & Ran) | undefined): string {
  return row ? reached(row.name, row) : 'No variant ran to its end';
}

function reached(name: string, row: Ran): string {
  return `${name} reached ${percent(row.accuracy)} on held-out groups`;
}

function differsByRateOnly({ variant: a }: NetworkRow, { variant: b }: NetworkRow): boolean {
  return (
    a.learningRate !== b.learningRate &&
    a.augmentation === b.augmentation &&
    a.dropout === b.dropout &&
    a.l2 === b.l2
  );
}

function best<T extends Ran>(rows: readonly T[]): T | undefined {
  return [...rows].sort((a, b) => b.accuracy.mean - a.accuracy.mean)[0];
}

function adjusted(tests: readonly PairedDifference[]): PairedDifference[] {
  const ps = holmAdjusted(tests.map(({ p }) => p));
  return tests.map((test, i) => ({ ...test, p: ps[i]! }));
}

function describe(variant: NetworkVariant): string {
  const own = traits(variant);
  return `a network from scratch${own.length > 0 ? ` with ${list(own)}` : ''}`;
}

/** "48.1 % [40.2 to 56.1]", or "48.1 % ± 4.0" */
function percent(estimate: Ran['accuracy']): string {
  const [mean, ...error] = points(estimate).split(' ');
  return [mean, '%', ...error].join(' ');
}

/** "+1.2 ± 2.0 points, p = 0.58" */
function signed({ mean, standardError, p }: PairedDifference): string {
  const value = 100 * mean;
  const text = `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
  if (standardError === null) return `${text} points`;
  const chance = p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
  return `${text} ± ${(100 * standardError).toFixed(1)} points, ${chance}`;
}

function hundredths(share: number): string {
  return (100 * share).toFixed(1).replace('-', '−');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function list(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
