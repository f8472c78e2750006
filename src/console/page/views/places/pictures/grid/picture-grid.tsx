import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useWords } from '../../../../../../page/views/use-words.js';
import type { PageParts } from '../../../../control/page-parts.js';
import { meaningOf } from './grid-keys.js';
import type { PictureChoice } from './picture-choice.js';
import type { PicturePages } from './picture-pages.js';
import { PictureTile, type TileEvents } from './picture-tile.js';
import { type GridLayout, useVisibleRows } from './use-visible-rows.js';

export interface GridOrders {
  open(index: number, id: string): void;
  /** Chooses what lies between two cells, both included; the first stays the anchor. */
  range(from: number, to: number): void;
  all(): void;
  remove(): void;
}

/** Thumbnails in a grid of any length, of which only the visible rows exist. */
export function PictureGrid({
  page,
  pages,
  total,
  choice,
  start,
  orders,
}: {
  page: PageParts;
  pages: PicturePages;
  total: number;
  choice: PictureChoice;
  /** The cell that takes the focus at first. */
  start: number;
  orders: GridOrders;
}) {
  const words = useWords(page);
  const grid = useRef<HTMLDivElement>(null);
  const layout = useVisibleRows(grid, total);
  const { columns, rows, rowPx, first, last } = layout;
  const [at, setAt] = useState(start);
  /** A key has moved the focus: the cell takes it as soon as it exists. */
  const moving = useRef(false);
  const current = Math.max(0, Math.min(at, total - 1));

  useEffect(() => pages.want(first * columns, last * columns), [pages, first, last, columns]);
  useLayoutEffect(() => {
    if (!moving.current) return;
    const cell = grid.current?.querySelector<HTMLElement>(`[data-index="${current}"]`);
    if (!cell) return;
    moving.current = false;
    cell.scrollIntoView({ block: 'nearest' });
    cell.focus({ preventScroll: true });
  });

  const events: TileEvents = {
    open: orders.open,
    toggle: choice.toggle,
    range: (index) => orders.range(choice.anchor ?? index, index),
    focused: setAt,
  };
  const move = (to: number) => {
    moving.current = true;
    setAt(to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const screenRows = Math.max(1, Math.floor(innerHeight / rowPx) - 2);
    const meaning = meaningOf(event, { layout, current, total, screenRows });
    if (meaning === null) return;
    event.preventDefault();
    const id = pages.at(current)?.id;
    switch (meaning.act) {
      case 'move':
        move(meaning.to);
        break;
      case 'extend':
        orders.range(choice.anchor ?? current, meaning.to);
        move(meaning.to);
        break;
      case 'open':
        if (id !== undefined) orders.open(current, id);
        break;
      case 'toggle':
        if (id !== undefined) choice.toggle(current, id);
        break;
      case 'range':
        orders.range(choice.anchor ?? current, current);
        break;
      case 'clear':
        choice.clear();
        break;
      default:
        orders[meaning.act]();
    }
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: the rows of a table cannot lie where they belong
    <div
      class="grid"
      id="pictures"
      ref={grid}
      role="grid"
      aria-label={words.say('pictures.images')}
      aria-describedby="grid-keys"
      aria-rowcount={rows}
      aria-colcount={columns}
      aria-multiselectable="true"
      data-choosing={choice.ids.size > 0}
      style={{ height: `${Math.max(1, rows) * rowPx}px` }}
      onKeyDown={onKeyDown}
    >
      {rowsToShow(layout, Math.floor(current / columns)).map((row) => (
        // biome-ignore lint/a11y/useSemanticElements: as the grid
        // biome-ignore lint/a11y/useFocusableInteractive: its cells take the focus
        <div
          key={row}
          role="row"
          aria-rowindex={row + 1}
          style={{
            transform: `translateY(${row * rowPx}px)`,
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
          }}
        >
          {Array.from({ length: Math.min(columns, total - row * columns) }, (_, column) => {
            const index = row * columns + column;
            const picture = pages.at(index);
            return (
              <PictureTile
                key={index}
                page={page}
                picture={picture}
                index={index}
                column={column}
                chosen={picture !== undefined && choice.ids.has(picture.id)}
                choosing={choice.ids.size > 0}
                current={index === current}
                events={events}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

/** The visible rows, and the one that holds the focus: an element that goes would lose it. */
function rowsToShow({ first, last, rows }: GridLayout, focused: number): number[] {
  const visible = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  if (focused < first && focused < rows) return [focused, ...visible];
  if (focused >= last && focused < rows) return [...visible, focused];
  return visible;
}
