export interface SortOrder<Column extends string> {
  by: Column;
  up: boolean;
}

/** Heads of columns that sort a table; those of `words` stand at the left, figures at the right. */
export function SortHeads<Column extends string>({
  columns,
  words,
  order: { by, up },
  sort,
}: {
  columns: readonly { column: Column; name: string }[];
  words: readonly Column[];
  order: SortOrder<Column>;
  sort: (order: SortOrder<Column>) => void;
}) {
  return (
    <>
      {columns.map(({ column, name }) => (
        <th
          key={column}
          scope="col"
          class={words.includes(column) ? undefined : 'number'}
          aria-sort={column === by ? (up ? 'ascending' : 'descending') : undefined}
        >
          <button
            type="button"
            class="quiet"
            onClick={() => sort({ by: column, up: column === by ? !up : true })}
          >
            {name}
            <span aria-hidden="true">{column === by ? (up ? ' ▲' : ' ▼') : ''}</span>
          </button>
        </th>
      ))}
    </>
  );
}
