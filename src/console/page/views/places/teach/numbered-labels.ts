import type { ConsoleStatus } from '../../../../contract/live-contract.js';
import type { Question } from '../../../../contract/teach-contract.js';
import { knownLabels } from '../../../words/head-words.js';
import { MANY_CLASSES } from '../../look/label-pad.js';

/**
 * The labels of a task; the first nine have a key. Few classes keep their keys from question to question, so
 * that a hand can learn them; of many, the most probable ones come first.
 */
export function numberedLabels({ guess, others }: Question, status: ConsoleStatus): string[] {
  const known = knownLabels(status);
  // The question may be from before a class was renamed or merged.
  const ranked = (guess === null ? others : [guess.label, ...others]).filter((label) =>
    known.includes(label),
  );
  const all = [...new Set([...ranked, ...known])];
  return all.length > MANY_CLASSES ? all : all.sort((a, b) => a.localeCompare(b));
}
