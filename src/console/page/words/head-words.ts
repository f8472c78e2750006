import type { ConsoleStatus } from '../../contract/live-contract.js';
import type { Words } from './words.js';

/** Whether any head serves: a trained one or one of the instant learner. */
export function serves({ head, learnt }: ConsoleStatus): boolean {
  return head !== null || learnt !== null;
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
