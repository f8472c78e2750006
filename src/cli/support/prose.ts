const LEAST_COLUMNS = 40;
/** A last column narrower than this is hard to read, so it moves below its row. */
const LEAST_LAST_COLUMN = 36;
const BELOW_ROW_INDENT = 4;
const COLUMN_GAP = 2;

/**
 * Width of text for people: the environment variable COLUMNS, else the width of the terminal.
 * Pipes, files and the journal get whole lines, because programs read them line by line.
 */
export function textColumns(
  { columns }: { columns?: number | undefined },
  environment: NodeJS.ProcessEnv,
): number {
  const requested = Number(environment.COLUMNS);
  if (Number.isInteger(requested) && requested > 0) return Math.max(LEAST_COLUMNS, requested);
  if (columns !== undefined && columns > 0) return Math.max(LEAST_COLUMNS, columns);
  return Number.POSITIVE_INFINITY;
}

/**
 * Breaks lines of more than `columns` characters at spaces. Continuation lines are indented by two more
 * columns. A word without a space, such as a path, is not broken.
 */
export function wrapText(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, columns, `${leadingSpace(line)}  `))
    .join('\n');
}

/**
 * Pads cells to the widest of their column. If a row is wider than `columns`, its last cell is wrapped
 * within its column, or moved below the row when its column would be too narrow.
 */
export function layOutTable(
  rows: readonly (readonly string[])[],
  indent: string,
  columns: number,
): string {
  const widths = rows.reduce<number[]>((widest, row) => {
    row.forEach((cell, column) => {
      widest[column] = Math.max(widest[column] ?? 0, characters(cell));
    });
    return widest;
  }, []);
  const width = indent.length + widths.reduce((sum, each) => sum + each + COLUMN_GAP, -COLUMN_GAP);
  const left = columns - (width - (widths.at(-1) ?? 0));
  const lines = rows.flatMap((row) => {
    const padded = row.map(
      (cell, column) => cell + ' '.repeat((widths[column] ?? 0) - characters(cell)),
    );
    const gap = ' '.repeat(COLUMN_GAP);
    if (width <= columns || row.length < widths.length) {
      return [indent + padded.join(gap).trimEnd()];
    }
    const begin = indent + padded.slice(0, -1).join(gap) + gap;
    const last = row.at(-1) ?? '';
    if (left >= LEAST_LAST_COLUMN) {
      return wrapLine(`${begin}${last}`, columns, ' '.repeat(begin.length));
    }
    const below = `${indent}${' '.repeat(BELOW_ROW_INDENT)}`;
    return [begin.trimEnd(), ...(last === '' ? [] : wrapLine(below + last, columns, below))];
  });
  return lines.map((line) => line.trimEnd()).join('\n');
}

function wrapLine(line: string, columns: number, continuation: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (characters(rest) > columns) {
    const cut = breakAt(rest, columns);
    if (cut === null) break;
    lines.push(rest.slice(0, cut).trimEnd());
    rest = continuation + rest.slice(cut).trimStart();
  }
  return [...lines, rest];
}

/** Index of the last space within the columns, else of the first one after them; never in the indentation. */
function breakAt(line: string, columns: number): number | null {
  const text = leadingSpace(line).length;
  const within = line.lastIndexOf(' ', columns);
  if (within > text) return within;
  const behind = line.indexOf(' ', text);
  return behind === -1 || line.slice(behind).trim() === '' ? null : behind;
}

function leadingSpace(line: string): string {
  return /^ */.exec(line)?.[0] ?? '';
}

function characters(text: string): number {
  return [...text].length;
}
