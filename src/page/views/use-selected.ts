import { useLayoutEffect, useState } from 'preact/hooks';
import type { Store } from '../state/state-store.js';

/**
 * A part of the state; rerenders the component only when that part is replaced. Pictures arrive eight
 * times a second, while the rest of the page seldom changes.
 * @param select returns the part; must not depend on anything else
 */
export function useSelected<State extends object, Part>(
  store: Store<State>,
  select: (state: Readonly<State>) => Part,
): Part {
  const [part, setPart] = useState(() => select(store.state));
  useLayoutEffect(() => {
    const update = () => setPart(() => select(store.state));
    update();
    return store.subscribe(update);
  }, [store]);
  return part;
}
