import type { HoldoutMetrics } from '../../contract/brain-contract.js';

const SHOWN = 3;

/** The most frequent mistakes, as a sentence. */
export function mixUps({ labels, confusion }: HoldoutMetrics): string {
  const mistakes = confusion.flatMap((row, truth) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, predicted) =>
      predicted === truth || count === 0
        ? []
        : [
            {
              count,
              words: `${labels[truth]} classified as ${labels[predicted]} (${count} of ${all})`,
            },
          ],
    );
  });
  if (mistakes.length === 0) return 'No mistakes.';
  const worst = mistakes.sort((a, b) => b.count - a.count).slice(0, SHOWN);
  return `Most frequent mistakes: ${worst.map(({ words }) => words).join(', ')}.`;
}
