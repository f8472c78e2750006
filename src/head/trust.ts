import { type Message, named } from '../base/words/message.js';
import { independentAnswers } from './intervals/independent-answers.js';
import { wilsonInterval } from './intervals/wilson.js';

/** From little to much evidence. */
export const TRUST_LEVELS = ['beginner', 'useful', 'proven'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** The answer to a labelled sample by a head, or by a head that never saw the sample's group. */
export interface JudgedAnswer {
  /** The true label. */
  label: string;
  group: string;
  right: boolean;
}

/** How far a head can be trusted, and what would raise that. */
export interface Trust {
  level: TrustLevel;
  /** Number of judged answers, and of the groups that they come from. */
  answers: number;
  groups: number;
  /** Mean over classes of the share of right answers, 0..1; null without an answer. */
  meanRecall: number | null;
  /** Lower bound of `meanRecall` with 95 % confidence, 0..1; null without an answer. */
  lowerBound: number | null;
  /** Classes with too few answers for the next level, those that need most first. */
  needs: { label: string; labels: number }[];
  /** What to do next, in one or two sentences. */
  next: string;
  /** The same for pages that translate it; absent in heads of an earlier headland. */
  steps?: Message[] | undefined;
}

/** What each level requires; `USEFUL_ANSWERS` for each class. */
export const USEFUL_ANSWERS = 5;
const USEFUL = { perClass: USEFUL_ANSWERS, groups: 10, answers: 10 };
const PROVEN = { perClass: 10, groups: 20, answers: 100, lowerBound: 0.8 };
/** Quantile of the normal distribution for a one-sided bound at 95 %. */
const Z = 1.645;
const NAMED_CLASSES = 3;

/**
 * How far the evidence goes. `useful`: five answers for each class, ten groups, and certainly
 * better than guessing. `proven`: a hundred answers of twenty groups, ten for each class, and mean
 * recall certainly at least 0.8. Else `beginner`.
 *
 * The bound is Wilson's (1927) at the number of independent answers (Kish 1965, Survey Sampling:
 * the design effect), where answers of one group are correlated by 0.5. All classes weigh the same.
 *
 * @param labels the labels that the head can answer.
 */
export function judgeTrust(labels: readonly string[], answers: readonly JudgedAnswer[]): Trust {
  const counts = new Map(labels.map((label) => [label, { answers: 0, right: 0 }]));
  for (const { label, right } of answers) {
    const count = counts.get(label) ?? { answers: 0, right: 0 };
    counts.set(label, { answers: count.answers + 1, right: count.right + Number(right) });
  }
  const groups = new Set(answers.map(({ group }) => group)).size;
  const bound = answers.length > 0 ? recallBound(answers, counts) : null;
  const about = {
    answers: answers.length,
    groups,
    meanRecall: bound?.meanRecall ?? null,
    lowerBound: bound?.lowerBound ?? null,
  };
  const lacking = (perClass: number): Trust['needs'] =>
    [...counts]
      .flatMap(([label, { answers: n }]) => (n < perClass ? [{ label, labels: perClass - n }] : []))
      .sort((a, b) => b.labels - a.labels || (a.label < b.label ? -1 : 1));
  const chance = 1 / counts.size;

  const forUseful = lacking(USEFUL.perClass);
  const moreGroups = Math.max(USEFUL.groups - groups, USEFUL.answers - answers.length);
  if (forUseful.length > 0) {
    return { level: 'beginner', ...about, needs: forUseful, ...next(wanted(forUseful)) };
  }
  if (moreGroups > 0) {
    return { level: 'beginner', ...about, needs: [], ...next(passes(moreGroups)) };
  }
  if (bound === null || bound.lowerBound <= chance) {
    return { level: 'beginner', ...about, needs: [], ...next(weakestOf(counts)) };
  }
  const forProven = lacking(PROVEN.perClass);
  const moreAnswers = PROVEN.answers - answers.length;
  if (forProven.length > 0) {
    return { level: 'useful', ...about, needs: forProven, ...next(wanted(forProven)) };
  }
  if (moreAnswers > 0) {
    const text = `Label ${moreAnswers} more ${plural('frame', moreAnswers)} of any class.`;
    const step = { key: 'trust.label-more', values: { labels: moreAnswers }, text };
    return { level: 'useful', ...about, needs: [], ...next(step) };
  }
  if (groups < PROVEN.groups) {
    return { level: 'useful', ...about, needs: [], ...next(passes(PROVEN.groups - groups)) };
  }
  if (bound.lowerBound < PROVEN.lowerBound) {
    return { level: 'useful', ...about, needs: [], ...next(weakestOf(counts)) };
  }
  const text = 'No evidence is missing: label the frames that it asks about.';
  return {
    level: 'proven',
    ...about,
    needs: [],
    ...next({ key: 'trust.enough', values: {}, text }),
  };
}

/** The fields of a trust that say what to do next. */
export function next(...steps: Message[]): { next: string; steps: Message[] } {
  return { next: steps.map(({ text }) => text).join(' '), steps };
}

type Counts = ReadonlyMap<string, { answers: number; right: number }>;

function recallBound(
  answers: readonly JudgedAnswer[],
  counts: Counts,
): { meanRecall: number; lowerBound: number } {
  const present = [...counts.values()].filter((count) => count.answers > 0).length;
  const weighted = answers.map(({ label, group, right }) => {
    return { weight: 1 / (present * counts.get(label)!.answers), group, right };
  });
  const sum = weighted.reduce((total, { weight, right }) => total + weight * Number(right), 0);
  const meanRecall = Math.min(1, sum);
  const { lower } = wilsonInterval(meanRecall, independentAnswers(weighted), Z);
  return { meanRecall, lowerBound: lower };
}

/**
 * "Tomato" needs 3 more labels, "Stone" 2.
 * @param needs at least one
 * @param toBeLearnt the classes have too few labels for any head
 */
export function wanted(needs: Trust['needs'], toBeLearnt = false): Message {
  const [first, ...others] = needs.slice(0, NAMED_CLASSES);
  const left = Math.max(0, needs.length - NAMED_CLASSES);
  const values = {
    needs: named(needs.slice(0, NAMED_CLASSES).map(({ label, labels }) => `${label} ${labels}`)),
    more: left,
  };
  const key = toBeLearnt ? 'trust.needs-to-be-learnt' : 'trust.needs';
  const purpose = toBeLearnt ? ' to be learnt' : '';
  const text = [
    `"${first!.label}" needs ${first!.labels} more ${plural('label', first!.labels)}${purpose}`,
    ...others.map(({ label, labels }) => `"${label}" ${labels}`),
  ].join(', ');
  const rest = `, and ${left} more ${plural('class', left)} ${left === 1 ? 'needs' : 'need'} some`;
  return { key, values, text: `${text}${left > 0 ? rest : ''}.` };
}

function passes(count: number): Message {
  const text = `Label frames of ${count} more ${plural('pass', count)} at another place or time.`;
  return { key: 'trust.passes', values: { passes: count }, text };
}

function weakestOf(counts: Counts): Message {
  const [[label, { right, answers }]] = [...counts]
    .filter(([, count]) => count.answers > 0)
    .sort(([, a], [, b]) => a.right / a.answers - b.right / b.answers) as [
    [string, { answers: number; right: number }],
  ];
  return weakest(label, right, answers);
}

/** The class with the smallest share of right answers. */
export function weakest(label: string, right: number, answers: number): Message {
  const text = `It is right on ${right} of ${answers} "${label}": label more of them and check their labels.`;
  return { key: 'trust.weakest', values: { label, right, answers }, text };
}

function plural(word: 'pass' | 'label' | 'frame' | 'class', count: number): string {
  if (count === 1) return word;
  return word === 'pass' || word === 'class' ? `${word}es` : `${word}s`;
}
