import type { FrameState } from '../state/frame-state.js';
import type { Store } from '../state/state-store.js';
import { useSelected } from './use-selected.js';

/** The texts of the page; rerenders the component when another language is chosen. */
export function useWords<Words>({
  store,
  words,
}: {
  readonly store: Store<FrameState>;
  readonly words: Words;
}): Words {
  useSelected(store, (state) => state.catalogue);
  return words;
}
