import { useEffect } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { PLACES } from '../control/page-state.js';

/**
 * Keyboard shortcuts that work in every place: Alt+1 to Alt+5 open a place, Ctrl+Z takes the newest change
 * back. Each place adds its own.
 */
export function useShortcuts(page: PageParts): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => act(page, event);
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [page]);
}

function act(page: PageParts, event: KeyboardEvent): void {
  const { status, confirmation } = page.store.state;
  if (status === null || confirmation !== null || event.repeat) return;
  const place = event.altKey
    ? PLACES[Number(/^Digit([1-5])$/.exec(event.code)?.[1]) - 1]
    : undefined;
  if (place !== undefined) {
    event.preventDefault();
    page.address.go(place);
  } else if (isUndo(event) && !takesText(event.target)) {
    event.preventDefault();
    void page.undo.undo();
  }
}

function isUndo({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): boolean {
  return (ctrlKey || metaKey) && !shiftKey && !altKey && key.toLowerCase() === 'z';
}

/** Whether an element takes typed text, so that keys belong to it. */
export function takesText(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !/^(radio|checkbox|button|range)$/.test(target.type);
}
