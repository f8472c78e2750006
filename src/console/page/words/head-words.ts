import type { ConsoleStatus } from '../../contract/live-contract.js';
import type { Words } from './words.js';

/** Whether any head serves: a trained one or one of the instant learner. */
export function serves({ head, learnt }: ConsoleStatus): boolean {
  return head !== null || learnt !== null;
}

/** A level of trust in the language of the page. */
export function trustWords(trust: string, words: Pick<Words, 'say'>): string {
  switch (trust) {
    case 'beginner':
    case 'useful':
    case 'proven':
      return words.say(`shell.trust.${trust}`);
    default:
      return trust;
  }
}

/** One line about the serving head. */
export function headLine({ head, learnt, trust }: ConsoleStatus, words: Words): string {
  const labels = learnt?.classes ?? head?.labels;
  if (labels === undefined) return words.say('shell.noHead');
  const version = head?.version ?? null;
  const parts = [
    version === null ? words.say('shell.firstLabels') : words.say('shell.head', { version }),
    words.say('shell.classes', { count: labels.length }),
  ];
  if (head !== null && head.holdoutMacroF1 !== null && trust !== 'beginner') {
    parts.push(`F1 ${words.percent(head.holdoutMacroF1)}`);
  }
  if (learnt !== null) parts.push(words.say('shell.learnt', { count: learnt.labels }));
  if (trust !== null) parts.push(trustWords(trust, words));
  return parts.join(' · ');
}

/** What is missing for a first head: a headline, and an explanation or ''. */
export function noHead(
  { samples, training }: ConsoleStatus,
  words: Pick<Words, 'say'>,
): [headline: string, more: string] {
  const none = words.say('shell.noHead');
  if (training === null) return [none, words.say('live.trainsNot')];
  if (training.running) return [none, words.say('live.firstTraining')];
  const kinds = samples.classes.length;
  const { instantLabelsPerClass } = training;
  if (instantLabelsPerClass !== null) {
    const ready = samples.classes.filter((c) => c.training + c.holdout >= instantLabelsPerClass);
    if (ready.length < 2) {
      const needed = words.say('live.needsEach', { count: instantLabelsPerClass });
      return [needed, words.say('live.firstHeadFollows')];
    }
  }
  const missing = Math.max(
    training.minLabels - samples.labelled,
    training.everyNewLabels > 0 ? training.everyNewLabels - training.newLabels : 0,
  );
  if (missing > 0) {
    const headline = words.say('live.needsMore', { count: missing });
    return [headline, kinds < 2 ? words.say('live.twoClasses') : ''];
  }
  return kinds < 2
    ? [words.say('live.needsSecond'), words.say('live.twoClasses')]
    : [none, words.say('live.enoughLabels')];
}

/** Labels of the serving head and of the stored samples, sorted. */
export function knownLabels({ head, samples }: ConsoleStatus): string[] {
  const names = new Set([...(head?.labels ?? []), ...samples.classes.map(({ label }) => label)]);
  return [...names].sort((a, b) => a.localeCompare(b));
}
