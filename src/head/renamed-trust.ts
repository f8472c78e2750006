import { next, type Trust, wanted, weakest } from './trust.js';

/**
 * Trust in a head whose classes have other names now. A class that several classes were merged into needs
 * labels only if each of them does, and no more than the one that needs the fewest.
 * @param labels that the head was trained with
 * @param names the new name by the old one, of the classes that have one
 */
export function renamedTrust(
  trust: Trust,
  labels: readonly string[],
  names: ReadonlyMap<string, string>,
): Trust {
  const nameOf = (label: string): string => names.get(label) ?? label;
  const [step] = trust.steps ?? [];
  const { label, right, answers } = step?.values ?? {};
  if (step?.key === 'trust.weakest' && typeof label === 'string') {
    return { ...trust, ...next(weakest(nameOf(label), Number(right), Number(answers))) };
  }
  if (!trust.needs.some((need) => names.has(need.label) || isMerged(need.label))) return trust;
  const needs = [...new Set(trust.needs.map((need) => nameOf(need.label)))].flatMap((name) => {
    const merged = labels.filter((each) => nameOf(each) === name);
    const missing = merged.map((each) => trust.needs.find((need) => need.label === each)?.labels);
    const least = Math.min(...missing.map((each) => each ?? 0));
    return least > 0 ? [{ label: name, labels: least }] : [];
  });
  return { ...trust, needs, ...next(needs.length > 0 ? wanted(needs) : TRAIN_AGAIN) };

  function isMerged(label: string): boolean {
    return [...names].some(([old, name]) => name === label && labels.includes(old));
  }
}

const TRAIN_AGAIN = {
  key: 'trust.train-again',
  values: {},
  text: 'Train again: its classes are others now.',
};
