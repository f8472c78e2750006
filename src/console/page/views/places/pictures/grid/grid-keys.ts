import type { GridLayout } from './use-visible-rows.js';

/** What a key means in the grid. */
export type KeyMeaning =
  | { act: 'move' | 'extend'; to: number }
  | { act: 'open' | 'toggle' | 'range' | 'all' | 'remove' | 'clear' };

interface GridPosition {
  layout: GridLayout;
  /** Index of the cell that has the focus, and the number of cells. */
  current: number;
  total: number;
  /** Rows of one screen. */
  screenRows: number;
}

/** @returns null: nothing */
export function meaningOf(
  { key, shiftKey, altKey, ctrlKey, metaKey }: KeyboardEvent,
  position: GridPosition,
): KeyMeaning | null {
  if (altKey) return null;
  const isCommand = ctrlKey || metaKey;
  const to = target(key, isCommand, position);
  if (to !== null) {
    const within = Math.max(0, Math.min(to, position.total - 1));
    return { act: shiftKey ? 'extend' : 'move', to: within };
  }
  switch (key) {
    case 'Enter':
      return { act: 'open' };
    case ' ':
      return { act: shiftKey ? 'range' : 'toggle' };
    case 'a':
      return isCommand ? { act: 'all' } : null;
    case 'Delete':
      return { act: 'remove' };
    case 'Escape':
      return { act: 'clear' };
  }
  return null;
}

function target(
  key: string,
  isCommand: boolean,
  { layout: { columns }, current, total, screenRows }: GridPosition,
): number | null {
  const rowStart = current - (current % columns);
  switch (key) {
    case 'ArrowLeft':
      return current - 1;
    case 'ArrowRight':
      return current + 1;
    case 'ArrowUp':
      return current - columns;
    case 'ArrowDown':
      return current + columns;
    case 'PageUp':
      return current - columns * screenRows;
    case 'PageDown':
      return current + columns * screenRows;
    case 'Home':
      return isCommand ? 0 : rowStart;
    case 'End':
      return isCommand ? total - 1 : rowStart + columns - 1;
  }
  return null;
}
