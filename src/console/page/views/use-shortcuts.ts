import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { knownLabels } from '../words/head-words.js';

/** Keyboard shortcuts of the page. @param field the input for a new label */
export function useShortcuts(page: PageParts, field: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => act(page, field.current, event);
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [page, field]);
}

function act(page: PageParts, field: HTMLInputElement | null, event: KeyboardEvent): void {
  const { key, target } = event;
  const { status, view, confirmation } = page.store.state;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (status === null || confirmation !== null) return;
  if (key === 'Escape') {
    if (target instanceof HTMLElement) target.blur();
    if (view.kind === 'live') page.viewfinder.setHold(null);
    else page.viewfinder.backToLive();
    return;
  }
  if (target instanceof HTMLInputElement) return;
  if (/^[1-9]$/.test(key)) {
    const label = knownLabels(status)[Number(key) - 1];
    if (label !== undefined) void page.labelling.submit(label);
  } else if (key === ' ' && !(target instanceof HTMLButtonElement)) {
    event.preventDefault();
    page.viewfinder.toggleHold();
  } else if (key === 'n' || key === 'N') {
    event.preventDefault();
    field?.focus();
  } else if (key === 'q' || key === 'Q') {
    page.viewfinder.nextQuestion();
  }
}
