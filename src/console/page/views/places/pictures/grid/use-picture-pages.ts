import { useEffect, useReducer, useState } from 'preact/hooks';
import { useSelected } from '../../../../../../page/views/use-selected.js';
import type { PictureFilter } from '../../../../../contract/pictures-contract.js';
import type { PageParts } from '../../../../control/page-parts.js';
import { PicturePages } from './picture-pages.js';

/**
 * The samples that a filter leaves, which are loaded again when labels or heads change.
 * @returns null before the first rendering has ended
 */
export function usePicturePages(page: PageParts, filter: PictureFilter): PicturePages | null {
  const [pages, setPages] = useState<PicturePages | null>(null);
  const [, changed] = useReducer((count: number, _: undefined) => count + 1, 0);
  const mark = useSelected(page.store, (state) => state.changes);
  const wanted = JSON.stringify(filter);
  useEffect(() => {
    const fresh = new PicturePages(page.api, JSON.parse(wanted), () => changed(undefined));
    setPages(fresh);
    return () => fresh.end();
  }, [page, wanted]);
  useEffect(() => pages?.refresh(), [mark]);
  return pages;
}
