import { listed, type Message, named } from '../../base/words/message.js';
import { pairedAnswers } from '../../gate/answers/compared-answers.js';
import {
  presentAnswers,
  type SampleAnswer,
  type StoredAnswers,
} from '../../gate/answers/sample-answer.js';

/** What the labels since the training before changed. */
export interface LabelEffect {
  /** The version that the training before made; null: there was none. */
  since: number | null;
  /** Samples that got a label or another one since then, by their present label, most first. */
  labels: { label: string; labels: number }[];
  /** Of these, samples that had another label before. */
  corrected: number;
  /** Samples of the training before that are gone or have no label any more. */
  removed: number;
  /** Classes that the head knows and the one before did not. */
  newClasses: string[];
  /** Samples that both trainings answered, and how many changed from wrong to right and back. */
  compared: number;
  nowRight: number;
  nowWrong: number;
  /** The same in sentences. */
  messages: Message[];
}

/** The training before. */
export interface EarlierTraining {
  version: number;
  labels: readonly string[];
  /** Null: an earlier headland trained, which did not store them. */
  answers: StoredAnswers | null;
}

/** A label that was given or changed since the training before. */
interface Change {
  sampleId: string;
  oldLabel: string | null;
  /** The class has another name; nothing was taught. */
  renamed: boolean;
}

/**
 * @param answers what the new head answers to every labelled sample
 * @param groupOf group of each of these samples
 * @param changes labels since the training before, oldest first; of all time when there was none
 * @param names of classes that were renamed or merged since then, by their old name
 */
export function labelEffect(
  answers: readonly SampleAnswer[],
  labels: readonly string[],
  groupOf: (id: string) => string,
  changes: readonly Change[],
  earlier: EarlierTraining | null,
  names: ReadonlyMap<string, string> = new Map(),
): LabelEffect {
  const now = (label: string): string => names.get(label) ?? label;
  const present = new Map(
    answers.map(({ id, truth }) => [id, { label: truth, group: groupOf(id) }]),
  );
  const first = new Map<string, string | null>();
  for (const { sampleId, oldLabel, renamed } of changes) {
    if (renamed || !present.has(sampleId) || first.has(sampleId)) continue;
    first.set(sampleId, oldLabel === null ? null : now(oldLabel));
  }
  const counts = new Map<string, number>();
  let corrected = 0;
  for (const [id, before] of first) {
    const { label } = present.get(id)!;
    if (before === label) continue;
    if (before !== null && earlier) corrected += 1;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const known = new Set(earlier?.labels.map(now));
  const pairs = earlier?.answers
    ? pairedAnswers(
        presentAnswers(earlier.answers.answers, present, names),
        presentAnswers(answers, present),
      )
    : [];
  const changed = (isRight: boolean): number =>
    pairs.filter(
      ({ truth, before, now: later }) =>
        (later.label === truth) === isRight && (before.label === truth) !== isRight,
    ).length;
  const effect = {
    since: earlier?.version ?? null,
    labels: [...counts]
      .map(([label, count]) => ({ label, labels: count }))
      .sort((a, b) => b.labels - a.labels || (a.label < b.label ? -1 : 1)),
    corrected,
    removed: (earlier?.answers?.answers ?? []).filter(({ id }) => !present.has(id)).length,
    newClasses: labels.filter((label) => !known.has(label)),
    compared: pairs.length,
    nowRight: changed(true),
    nowWrong: changed(false),
  };
  return { ...effect, messages: messagesOf(effect) };
}

function messagesOf(effect: Omit<LabelEffect, 'messages'>): Message[] {
  const { since, labels, corrected, removed, newClasses, compared, nowRight, nowWrong } = effect;
  const given = labels.reduce((sum, each) => sum + each.labels, 0);
  const messages: Message[] = [];
  const say = (key: string, values: Message['values'], text: string): void => {
    messages.push({ key: `effect.${key}`, values, text });
  };
  if (given > 0) {
    const most = labels.slice(0, 3).map(({ label, labels: count }) => `${count} "${label}"`);
    const others = labels.length > 3 ? ' and others' : '';
    const text = `${given} ${given === 1 ? 'label' : 'labels'}: ${most.join(', ')}${others}.`;
    const classes = labels.map(({ label, labels: count }) => `${label} ${count}`);
    say('labels', { labels: given, classes: named(classes) }, text);
  }
  if (corrected > 0) {
    const text = `${corrected} of them ${corrected === 1 ? 'is a correction' : 'are corrections'}.`;
    say('corrected', { corrected }, text);
  }
  if (removed > 0) {
    const text = `${removed} ${removed === 1 ? 'picture is' : 'pictures are'} unlearnt.`;
    say('removed', { removed }, text);
  }
  if (since !== null && newClasses.length > 0) {
    say('new-classes', { newClasses: named(newClasses) }, `New: ${listed(newClasses)}.`);
  }
  if (compared > 0) {
    const text =
      nowRight + nowWrong === 0
        ? `The answers to the ${compared} pictures from before are right and wrong as before.`
        : `Of ${compared} pictures from before, ${nowRight} that it got wrong ${nowRight === 1 ? 'is' : 'are'} right now, and ${nowWrong} the other way.`;
    say('flipped', { compared, nowRight, nowWrong }, text);
  }
  return messages;
}
