import type { PageParts } from '../control/page-parts.js';
import type { Words } from '../words/words.js';
import { useSelected } from './use-selected.js';

/** The texts of the page; rerenders the component when another language is chosen. */
export function useWords({ store, words }: PageParts): Words {
  useSelected(store, (state) => state.catalogue);
  return words;
}
