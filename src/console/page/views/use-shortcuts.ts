import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { knownLabels } from '../words/head-words.js';
import { isOfTask } from '../words/task-words.js';

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
  const { status, confirmation } = page.store.state;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (status === null || confirmation !== null || !isOfTask(page.store.state)) return;
  if (key === 'Escape') {
    leave(page, target);
    return;
  }
  if (target instanceof HTMLInputElement && target.type !== 'radio') return;
  if (/^[1-9]$/.test(key)) {
    const label = knownLabels(status)[Number(key) - 1];
    if (label !== undefined) void page.labelling.submit(label);
  } else if (key === ' ' && !takesSpace(target)) {
    event.preventDefault();
    page.viewfinder.toggleHold();
  } else if (key === 'n' || key === 'N') {
    event.preventDefault();
    field?.focus();
  } else if (key === 'q' || key === 'Q') {
    page.viewfinder.nextQuestion();
  }
}

/** Leaves a field, and returns to the moving live picture. */
function leave({ store, viewfinder }: PageParts, target: EventTarget | null): void {
  if (target instanceof HTMLElement) target.blur();
  if (store.state.view.kind === 'live') viewfinder.setHold(null);
  else viewfinder.backToLive();
}

function takesSpace(target: EventTarget | null): boolean {
  return target instanceof HTMLButtonElement || target instanceof HTMLInputElement;
}
