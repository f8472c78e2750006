import { useLayoutEffect, useState } from 'preact/hooks';
import type { PageState } from '../control/page-state.js';
import type { PageStore } from '../control/page-store.js';

/**
 * A part of the state; rerenders the component only when that part is replaced. Pictures arrive eight
 * times a second, while the rest of the page seldom changes.
 * @param select returns the part; must not depend on anything else
 */
export function useSelected<Part>(
  store: PageStore,
  select: (state: Readonly<PageState>) => Part,
): Part {
  const [part, setPart] = useState(() => select(store.state));
  useLayoutEffect(() => {
    const update = () => setPart(() => select(store.state));
    update();
    return store.subscribe(update);
  }, [store]);
  return part;
}
