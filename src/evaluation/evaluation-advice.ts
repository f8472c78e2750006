import type { LabelledMetrics } from '../head/labelled-metrics.js';
import type { Advice, EvaluatedClass, Evaluation } from './evaluation-types.js';
import { figure, percent } from './report/report-markup.js';

/** Number of further samples of a class for which the gain is estimated. */
const MORE = 20;
/** Least expected gain in F1 for which a class is named. */
const WORTHWHILE_GAIN = 0.02;
const FEW_GROUPS_PER_CLASS = 3;
const FEW_GROUPS = 10;
const FEW_HOLDOUT_SAMPLES = 100;
const HIGH_ECE = 0.05;
const SAMPLES_FOR_ECE = 100;
const STEEP = 0.01;

type Findings = Omit<Evaluation, 'advice' | 'schema' | 'createdAt' | 'durationMs'>;

/** What to do next, in words, the most useful first. Pure. */
export function advise(findings: Findings): Advice[] {
  const advice = [
    wrongLabels(findings),
    ...leftOut(findings),
    moreSamples(findings.data.classes),
    confusedPair(findings.pooled),
    fewGroups(findings),
    smallHoldout(findings),
    calibration(findings),
    curve(findings),
  ].filter((a) => a !== null);
  if (advice.length > 0) return advice;
  return [
    {
      kind: 'fine',
      text: 'Nothing stands out.',
      detail: 'Go on labelling the frames that the robot asks for; there it is least sure.',
    },
  ];
}

function wrongLabels({ suspects }: Findings): Advice | null {
  if (suspects.total === 0) return null;
  return {
    kind: 'labels',
    text: `${plural(suspects.total, 'label looks', 'labels look')} wrong: check ${suspects.total === 1 ? 'it' : 'them'} first.`,
    detail:
      'Heads that never saw these images contradict their labels with more than 90 % certainty. Images that resemble two classes appear here too: keep the labels that are right.',
  };
}

function leftOut({ data }: Findings): Advice[] {
  const classes = data.classes.filter((c) => c.leftOut);
  if (classes.length === 0) return [];
  const names = listed(classes.map((c) => `${quoted(c.label)} (${c.training})`));
  return [
    {
      kind: 'left-out',
      text: `${names} ${classes.length === 1 ? 'is' : 'are'} not learnt at all: too few samples.`,
      detail:
        'The number of training samples is in brackets. Until a class is learnt, every image of it is answered wrongly or as unknown.',
    },
  ];
}

/** The error falls about as n^-1/2, so a class with many errors and few samples gains most. */
function moreSamples(classes: readonly EvaluatedClass[]): Advice | null {
  const ranked = classes
    .filter((c) => !c.leftOut)
    .map((c) => ({
      ...c,
      gain: (1 - c.pooledF1) * (1 - Math.sqrt(c.training / (c.training + MORE))),
    }))
    .sort((a, b) => b.gain - a.gain);
  const [first, second] = ranked;
  if (!first || first.gain < WORTHWHILE_GAIN) return null;
  const next =
    second && second.gain >= WORTHWHILE_GAIN
      ? ` Next in line: ${quoted(second.label)} with ${second.training} and F1 ${figure(second.pooledF1, 2)}.`
      : '';
  return {
    kind: 'samples',
    text: `${quoted(first.label)} has ${plural(first.training, 'sample', 'samples')}; ${MORE} more would help most.`,
    detail: `Its F1 is ${figure(first.pooledF1, 2)}. Take them from passes that it does not have yet.${next}`,
  };
}

function confusedPair({ labels, confusion, perClass }: LabelledMetrics): Advice | null {
  let worst: { a: number; b: number; count: number } | null = null;
  for (let a = 0; a < labels.length; a++) {
    for (let b = a + 1; b < labels.length; b++) {
      const count = (confusion[a]?.[b] ?? 0) + (confusion[b]?.[a] ?? 0);
      if (count > (worst?.count ?? 0)) worst = { a, b, count };
    }
  }
  if (!worst) return null;
  const { a, b, count } = worst;
  const support = (perClass[a]?.support ?? 0) + (perClass[b]?.support ?? 0);
  if (count < 3 || count / support < 0.03) return null;
  const [one, other] = [quoted(labels[a] as string), quoted(labels[b] as string)];
  return {
    kind: 'confused',
    text: `${one} and ${other} are confused most: ${count} of ${support} images.`,
    detail: `Taken for ${other}: ${confusion[a]?.[b]}; the other way round: ${confusion[b]?.[a]}. If a person can tell them apart in these images, label more of both where it fails; if not, make them one class or move the camera closer.`,
  };
}

function fewGroups({ data }: Findings): Advice | null {
  const lone = data.classes.filter((c) => !c.leftOut && c.trainingGroups < FEW_GROUPS_PER_CLASS);
  if (lone.length > 0) {
    const names = listed(lone.map((c) => `${quoted(c.label)} (${c.trainingGroups})`));
    return {
      kind: 'groups',
      text: `Too few groups: ${names}.`,
      detail:
        'A group is what was captured in one pass, and its images resemble each other. A class needs samples of at least three, better ten, passes, days or places to show that it is recognised elsewhere.',
    };
  }
  if (data.trainingGroups >= FEW_GROUPS) return null;
  return {
    kind: 'groups',
    text: `All training samples come from ${plural(data.trainingGroups, 'group', 'groups')}.`,
    detail: 'More images of the same passes bring little: capture other days, places and light.',
  };
}

function smallHoldout({ data, interval, evidence }: Findings): Advice | null {
  if (data.holdout >= FEW_HOLDOUT_SAMPLES && data.holdoutGroups >= FEW_GROUPS) return null;
  const width = interval
    ? ` The accuracy above is only known to lie between ${percent(interval.accuracy.lower)} and ${percent(interval.accuracy.upper)}.`
    : '';
  return {
    kind: 'holdout',
    text: `The holdout is small: ${plural(data.holdout, 'sample', 'samples')} in ${plural(data.holdoutGroups, 'group', 'groups')}.`,
    detail: `${evidence === 'holdout' ? '' : 'The figures therefore come from leave-group-out. '}About a fifth of all new groups goes there by itself: label samples of more passes.${width}`,
  };
}

function calibration({ metrics, reliability }: Findings): Advice | null {
  if (metrics.ece <= HIGH_ECE || metrics.samples < SAMPLES_FOR_ECE) return null;
  const over = reliability.reduce((sum, b) => sum + b.samples * (b.confidence - b.accuracy), 0) > 0;
  return {
    kind: 'calibration',
    text: `The head is ${over ? 'surer' : 'less sure'} than it should be: calibration error ${percent(metrics.ece)}.`,
    detail: over
      ? 'The holdout differs from the training samples, or labels are wrong. Label more groups; until then, lower inference.maxErrorShare.'
      : 'More answers are marked as guesses than necessary. Train again with the current samples, or raise inference.maxErrorShare.',
  };
}

function curve({ learningCurve }: Findings): Advice | null {
  const [before, last] = learningCurve.slice(-2);
  if (!before || !last || last.share !== 1) return null;
  const gain = last.macroF1 - before.macroF1;
  const gained = `From ${percent(before.share)} to 100 % of the groups macro-F1 went from ${figure(before.macroF1, 2)} to ${figure(last.macroF1, 2)}.`;
  return gain >= STEEP
    ? {
        kind: 'curve',
        text: 'The learning curve still rises: more samples will help.',
        detail: gained,
      }
    : {
        kind: 'curve',
        text: 'The learning curve is flat: more samples of the same kind will bring little.',
        detail: `${gained} Spend the time on the classes and pairs named here, on wrong labels, or try a larger backbone.`,
      };
}

function plural(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

function listed(names: readonly string[]): string {
  const [last, ...rest] = [...names].reverse();
  return rest.length === 0 ? (last ?? '') : `${rest.reverse().join(', ')} and ${last}`;
}

function quoted(label: string): string {
  return `“${label}”`;
}
