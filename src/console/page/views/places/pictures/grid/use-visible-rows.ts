import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

const GAP_PX = 6;
const SMALLEST_TILE_PX = 104;
const LARGEST_TILE_PX = 168;
/** Rows beyond the edge of the screen that are there already. */
const ROWS_AHEAD = 3;

export interface GridLayout {
  columns: number;
  rows: number;
  /** From one row to the next. */
  rowPx: number;
  /** Rows on the screen and those just beyond; `last` is excluded. */
  first: number;
  last: number;
}

interface Measured {
  widthPx: number;
  /** From the upper edge of the grid. */
  fromPx: number;
  toPx: number;
}

/** Which rows of a grid of square tiles are on the screen, while the whole page scrolls. */
export function useVisibleRows(grid: RefObject<HTMLElement | null>, total: number): GridLayout {
  const [measured, setMeasured] = useState<Measured>({ widthPx: 0, fromPx: 0, toPx: 0 });
  useLayoutEffect(() => {
    const element = grid.current;
    if (element === null) return;
    let asked = 0;
    const measure = () => {
      asked = 0;
      const { width, top } = element.getBoundingClientRect();
      if (width > 0) setMeasured({ widthPx: width, fromPx: -top, toPx: innerHeight - top });
    };
    const ask = () => {
      asked ||= requestAnimationFrame(measure);
    };
    measure();
    const sizes = new ResizeObserver(ask);
    sizes.observe(element);
    addEventListener('scroll', ask, { passive: true });
    addEventListener('resize', ask);
    return () => {
      cancelAnimationFrame(asked);
      sizes.disconnect();
      removeEventListener('scroll', ask);
      removeEventListener('resize', ask);
    };
  }, [grid]);
  return layoutOf(measured, total);
}

function layoutOf({ widthPx, fromPx, toPx }: Measured, total: number): GridLayout {
  const wanted = widthPx < 640 ? SMALLEST_TILE_PX : LARGEST_TILE_PX;
  const columns = Math.max(2, Math.floor((widthPx + GAP_PX) / (wanted + GAP_PX)));
  const rowPx = Math.max(1, (widthPx + GAP_PX) / columns);
  const rows = Math.ceil(total / columns);
  const first = Math.max(0, Math.floor(fromPx / rowPx) - ROWS_AHEAD);
  const last = Math.min(rows, Math.ceil(toPx / rowPx) + ROWS_AHEAD);
  return { columns, rows, rowPx, first: Math.min(first, rows), last: Math.max(0, last) };
}
