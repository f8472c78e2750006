import { useWords } from '../../../../page/views/use-words.js';
import type { PageParts } from '../../control/page-parts.js';
import type { Belief } from '../../words/belief.js';

const SHAPES: Readonly<Record<Belief, string>> = {
  sure: 'M4.5 8.4l2.4 2.4 4.6-5.2',
  probably: 'M8 4a4 4 0 0 1 0 8z',
  guess: 'M8 8h.01',
  unknown: 'M6.2 6.3a1.9 1.9 0 1 1 2.6 1.9c-.6.3-.8.6-.8 1.2M8 11.6h.01',
};

/** How far a decision can be believed: a word, a colour and a shape. */
export function BeliefBadge({ page, belief }: { page: PageParts; belief: Belief }) {
  const words = useWords(page);
  return (
    <span class="belief" data-belief={belief}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.6" />
        <path d={SHAPES[belief]} />
      </svg>
      {words.say(`live.${belief}`)}
    </span>
  );
}
