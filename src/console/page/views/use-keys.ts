import { useEffect, useRef } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { takesText } from './use-shortcuts.js';

/** What keys do, by `KeyboardEvent.key`; letters are small and mean the capital ones, too. */
export type Keys = Readonly<Record<string, (() => void) | undefined>>;

/** Keys of a place. They belong to fields, dialogs, and pressed buttons first, and do not repeat. */
export function useKeys(page: PageParts, keys: Keys): void {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { confirmation, nearChoice, status } = page.store.state;
      if (confirmation !== null || nearChoice !== null || status === null) return;
      if (event.defaultPrevented || event.repeat) return;
      if (event.ctrlKey || event.metaKey || event.altKey || belongsTo(event)) return;
      const { key } = event;
      const act = newest.current[key.length === 1 ? key.toLowerCase() : key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [page]);
}

/** Whether the key means something to the element that has the focus. */
function belongsTo({ key, target }: KeyboardEvent): boolean {
  if (takesText(target)) return true;
  if (!(target instanceof Element)) return false;
  if (key === 'Enter' || key === ' ') return target.closest('button, a, summary, label') !== null;
  return key.startsWith('Arrow') && target.closest('input, summary') !== null;
}

/** The keys 1 to 9 for the first nine labels. */
export function labelKeys(labels: readonly string[], choose: (label: string) => void): Keys {
  const first = labels.slice(0, 9);
  return Object.fromEntries(first.map((label, at) => [String(at + 1), () => choose(label)]));
}
