import type { ConsoleStatus } from '../../contract/live-contract.js';

/** Whether any head serves: a trained one or one of the instant learner. */
export function serves({ head, learnt }: ConsoleStatus): boolean {
  return head !== null || learnt !== null;
}

/** What is missing for a first head: a headline, and an explanation or ''. */
export function noHead({ samples, training }: ConsoleStatus): [headline: string, more: string] {
  if (training === null) return ['No head yet', 'This robot does not train.'];
  if (training.running) return ['No head yet', 'The first training is running.'];
  const kinds = samples.classes.length;
  const { instantLabelsPerClass } = training;
  if (instantLabelsPerClass !== null) {
    const ready = samples.classes.filter((c) => c.training + c.holdout >= instantLabelsPerClass);
    if (ready.length < 2) {
      return [
        `No head yet: label ${instantLabelsPerClass} frames in each of two classes`,
        'A first head follows immediately.',
      ];
    }
  }
  const missing = Math.max(
    training.minLabels - samples.labelled,
    training.everyNewLabels > 0 ? training.everyNewLabels - training.newLabels : 0,
  );
  if (missing > 0) {
    const headline = `No head yet: label ${missing} more frame${missing === 1 ? '' : 's'}`;
    return [headline, kinds < 2 ? 'Use at least two classes.' : ''];
  }
  return kinds < 2
    ? ['No head yet: label a second class', 'A head needs at least two classes.']
    : ['No head yet', 'There are enough labels: press Train now.'];
}

/** Labels of the serving head and of the stored samples, sorted. */
export function knownLabels({ head, samples }: ConsoleStatus): string[] {
  const names = new Set([...(head?.labels ?? []), ...samples.classes.map(({ label }) => label)]);
  return [...names].sort((a, b) => a.localeCompare(b));
}
