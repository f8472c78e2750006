import type { HoldoutMetrics } from '../../console-source.js';

const SHOWN = 3;

/** The most frequent mistakes, in words. */
export function mixUps({ labels, confusion }: HoldoutMetrics): string {
  const mistakes = confusion.flatMap((row, truth) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, said) =>
      said === truth || count === 0
        ? []
        : [{ count, words: `${labels[truth]} called ${labels[said]} (${count} of ${all})` }],
    );
  });
  if (mistakes.length === 0) return 'No mistake.';
  const worst = mistakes.sort((a, b) => b.count - a.count).slice(0, SHOWN);
  return `Most often mixed up: ${worst.map(({ words }) => words).join(', ')}.`;
}
