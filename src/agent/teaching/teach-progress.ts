import { listed, type Message } from '../../base/words/message.js';
import type { Trust } from '../../head/trust.js';
import { FIRST_LABELS } from '../../training/triggers.js';

/** What a task leads to next: its first head, a training, or more trust in the head that serves. */
export type TeachStep = 'first-head' | 'training' | 'trust';

export interface TeachProgress {
  step: TeachStep;
  /** Share of the way to the step, 0..1. Labels only add to it until the next training begins. */
  share: number;
  /** What is missing for the step. */
  next: Message;
  /** Labels that single classes need, for the step or for more trust; those that need most first. */
  needs: { label: string; labels: number }[];
}

export interface TeachFacts {
  /** Labelled samples by label. */
  counts: ReadonlyMap<string, number>;
  /** A head answers, trained or not. */
  headServes: boolean;
  /** A trained head serves. */
  trainedServes: boolean;
  /** Labels that each of two classes needs for a first head without a training; null: off. */
  instantLabelsPerClass: number | null;
  /** Labels that a class needs in a training. */
  minLabelsPerClass: number;
  /** Labels given or changed since the last training. */
  newLabels: number;
  /** Of these, by label. */
  newLabelsOf: ReadonlyMap<string, number>;
  /** Number of new labels that starts a training; 0 = off. */
  everyNewLabels: number;
  minLabels: number;
  training: 'runs' | 'paused' | 'waits';
  /** Of the trained head; null: none serves, or it is not known. */
  trust: Pick<Trust, 'needs' | 'next' | 'steps'> | null;
  /** Of a correction that knows new classes; null: there is none. */
  instantTrust: Pick<Trust, 'needs'> | null;
}

/** Share of the ring that the first head fills on the way to the first training. */
const FIRST_HEAD_SHARE = 0.5;

/** How far the labels of a task have come. Pure. */
export function teachProgress(facts: TeachFacts): TeachProgress {
  const first = firstHead(facts);
  const { trainedServes, headServes, everyNewLabels } = facts;
  if (facts.training === 'runs') {
    return { step: 'training', share: 1, next: RUNS, needs: needsOf(facts) };
  }
  if (!headServes && first.missing > 0) {
    const share = trainedServes
      ? 0
      : Math.max(FIRST_HEAD_SHARE * first.share, trainingShare(facts));
    return { step: 'first-head', share, next: first.next, needs: first.needs };
  }
  if (everyNewLabels === 0) return trustStep(facts);
  const way = trainingShare(facts);
  const share = trainedServes ? way : Math.max(FIRST_HEAD_SHARE, way);
  return { step: 'training', share, next: untilTraining(facts), needs: needsOf(facts) };
}

const RUNS: Message = { key: 'teach.training', values: {}, text: 'A training is running.' };

interface FirstHead {
  share: number;
  missing: number;
  next: Message;
  needs: TeachProgress['needs'];
}

/** Two classes with enough labels each. */
function firstHead(facts: TeachFacts): FirstHead {
  const least = facts.instantLabelsPerClass ?? facts.minLabelsPerClass;
  const [a, b] = [...facts.counts].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1));
  const given = (count: number | undefined): number => Math.min(least, count ?? 0);
  const done = given(a?.[1]) + given(b?.[1]);
  const needs = [a, b].flatMap((each) =>
    each && each[1] < least ? [{ label: each[0], labels: least - each[1] }] : [],
  );
  return {
    share: done / (2 * least),
    missing: 2 * least - done,
    next: firstHeadMessage(least, needs, [a, b].filter(Boolean).length),
    needs,
  };
}

function firstHeadMessage(least: number, needs: TeachProgress['needs'], classes: number): Message {
  if (classes === 0) {
    const text = `Label ${least} images of each of two classes.`;
    return { key: 'teach.first-labels', values: { labels: least }, text };
  }
  if (needs.length > 0) return needsMessage(needs);
  const text = `Label ${least} images of a second class.`;
  return { key: 'teach.second-class', values: { labels: least }, text };
}

/** "Tomato" needs 1 more label, "Stone" 2. */
function needsMessage(needs: TeachProgress['needs']): Message {
  const [first, ...others] = needs;
  const { label, labels } = first!;
  const rest = others.map((each) => `, "${each.label}" ${each.labels}`).join('');
  const text = `"${label}" needs ${labels} more label${labels === 1 ? '' : 's'}${rest}.`;
  if (others.length === 0) return { key: 'teach.class-needs', values: { label, labels }, text };
  const values = { label, labels, others: listed(others.map((each) => each.label)) };
  return { key: 'teach.classes-need', values, text };
}

/** New labels at which a training starts. */
function labelsOfTraining({ trainedServes, everyNewLabels }: TeachFacts): number {
  return trainedServes ? everyNewLabels : Math.min(everyNewLabels, FIRST_LABELS);
}

function trainingShare(facts: TeachFacts): number {
  if (facts.everyNewLabels === 0) return 0;
  const ofNew = facts.newLabels / labelsOfTraining(facts);
  return Math.min(1, ofNew, labelled(facts) / facts.minLabels);
}

function labelled({ counts }: TeachFacts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function untilTraining(facts: TeachFacts): Message {
  const missing = Math.max(
    labelsOfTraining(facts) - facts.newLabels,
    facts.minLabels - labelled(facts),
  );
  if (missing <= 0) {
    if (facts.training === 'paused') {
      const text = 'Training is paused: the labels wait for it.';
      return { key: 'teach.paused', values: {}, text };
    }
    return { key: 'teach.training-due', values: {}, text: 'The next training starts soon.' };
  }
  const text = `${missing} more label${missing === 1 ? '' : 's'} until the next training.`;
  return { key: 'teach.until-training', values: { labels: missing }, text };
}

/** The needs of the trained head less what was labelled since, after those of classes that it does not know. */
function needsOf({ trust, instantTrust, newLabelsOf }: TeachFacts): TeachProgress['needs'] {
  const untaught = instantTrust?.needs ?? [];
  const ofHead = (trust?.needs ?? []).flatMap(({ label, labels }) => {
    const left = labels - (newLabelsOf.get(label) ?? 0);
    return left > 0 ? [{ label, labels: left }] : [];
  });
  return [...untaught, ...ofHead].sort((a, b) => b.labels - a.labels);
}

/** Where no number of labels starts a training. */
function trustStep(facts: TeachFacts): TeachProgress {
  const { trust } = facts;
  const needs = needsOf(facts);
  const before = (trust?.needs ?? []).reduce((sum, { labels }) => sum + labels, 0);
  const left = needs.reduce((sum, { labels }) => sum + labels, 0);
  if (left > 0) {
    const share = before > 0 ? Math.max(0, 1 - left / before) : 0;
    return { step: 'trust', share, next: needsMessage(needs), needs };
  }
  return {
    step: 'trust',
    share: 1,
    next: facts.newLabels > 0 ? TRAIN_NOW : trustNext(trust),
    needs,
  };
}

const TRAIN_NOW: Message = {
  key: 'teach.train-now',
  values: {},
  text: 'Start a training: it learns the new labels.',
};

function trustNext(trust: TeachFacts['trust']): Message {
  const [step] = trust?.steps ?? [];
  const text = trust?.next ?? 'Label what the robot asks about.';
  return step ?? { key: 'teach.ask', values: {}, text };
}
