import type { ConsoleStatus } from '../../console-source.js';
import { percent, plural } from './figures.js';

/** Whether any head answers: a trained one, or one that the first labels made. */
export function serves({ head, learnt }: ConsoleStatus): boolean {
  return head !== null || learnt !== null;
}

/** What serves, in a line. */
export function headLine({ head, learnt, trust }: ConsoleStatus): string {
  const labels = learnt?.classes ?? head?.labels;
  if (labels === undefined) return 'No head yet';
  const parts = [
    head === null ? 'First labels' : `Head ${head.version}`,
    plural(labels.length, 'label'),
  ];
  if (head !== null && head.holdoutMacroF1 !== null)
    parts.push(`F1 ${percent(head.holdoutMacroF1)}`);
  if (learnt !== null) parts.push(`${plural(learnt.labels, 'frame')} learnt at once`);
  if (trust !== null) parts.push(trust);
  return parts.join(' · ');
}

/** What is missing until there is a head: a headline, and what more there is to say or ''. */
export function noHead({ samples, training }: ConsoleStatus): [headline: string, more: string] {
  if (training === null) return ['No head yet', 'This robot does not train itself.'];
  if (training.running) return ['No head yet', 'The first training runs.'];
  const kinds = samples.classes.length;
  const { instantLabelsPerClass } = training;
  if (instantLabelsPerClass !== null) {
    const ready = samples.classes.filter((c) => c.training + c.holdout >= instantLabelsPerClass);
    if (ready.length < 2) {
      return [
        `No head yet: label ${instantLabelsPerClass} frames each of two kinds`,
        'The first labels make a head at once.',
      ];
    }
  }
  const missing = Math.max(
    training.minLabels - samples.labelled,
    training.everyNewLabels > 0 ? training.everyNewLabels - training.newLabels : 0,
  );
  if (missing > 0) {
    const headline = `No head yet: label ${missing} more frame${missing === 1 ? '' : 's'}`;
    return [headline, kinds < 2 ? 'Of at least two kinds.' : ''];
  }
  return kinds < 2
    ? ['No head yet: label a second kind', 'A head tells kinds apart.']
    : ['No head yet', 'There are labels enough: press Train now.'];
}

/** Labels of the serving head and of the stored samples, sorted. */
export function knownLabels({ head, samples }: ConsoleStatus): string[] {
  const names = new Set([...(head?.labels ?? []), ...samples.classes.map(({ label }) => label)]);
  return [...names].sort((a, b) => a.localeCompare(b));
}
