import { useWords } from '../../../../page/views/use-words.js';
import type { PageParts } from '../../control/page-parts.js';
import { noveltyOf } from '../../words/belief.js';

/**
 * How new an image looks to the head.
 * @param pValue share of known samples that are at least as novel; null: nothing is shown
 */
export function NoveltyMeter({ page, pValue }: { page: PageParts; pValue: number | null }) {
  const words = useWords(page);
  const novelty = noveltyOf(pValue, words);
  if (novelty === null) return null;
  return (
    <span class="novelty">
      <i aria-hidden="true">
        <i style={{ width: `${Math.round(novelty.share * 100)}%` }} />
      </i>
      {novelty.text}
    </span>
  );
}
