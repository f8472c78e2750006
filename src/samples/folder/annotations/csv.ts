import { hasPictureEnding } from '../../../vision/sniff.js';
import type { AnnotatedPicture, AnnotationFile, TaskColumns } from './annotation.js';
import { boxOfEdges, pixelsIn } from './boxes.js';
import { numberIn } from './marks.js';
import { type AnnotationRecord, readRecords } from './records.js';

/**
 * Reads a CSV table with a header, or without one as in keras-retinanet (`path,x1,y1,x2,y2,class`).
 * Null: the table does not label pictures.
 */
export function readCsvAnnotations(
  text: string,
  columns: TaskColumns | null = null,
): AnnotationFile | null {
  const rows = parseCsv(text);
  const [head] = rows;
  if (head === undefined) return null;
  if (hasPictureEnding(head[0]?.trim() ?? '') && head.length >= 2) {
    return { format: 'a table of labels', pictures: rows.map(ofBareRow), faults: [] };
  }
  const records = rows
    .slice(1)
    .map((row): AnnotationRecord => new Map(head.map((column, i) => [column, row[i] ?? ''])));
  return readRecords(records, columns);
}

function ofBareRow(row: readonly string[]): AnnotatedPicture {
  const label = row.at(-1)?.trim() ?? '';
  const labels = row.length < 2 || label === '' ? [] : [label];
  const picture = row[0] ?? '';
  if (row.length < 6) return { picture, labels, boxes: [] };
  const box = boxOfEdges(row.slice(1, 5).map(numberIn), pixelsIn(null, null));
  return { picture, labels: [], boxes: labels.map((one) => ({ label: one, box })) };
}

/**
 * Parses CSV (RFC 4180). The separator is comma, semicolon or tab, whichever is most frequent in
 * the first line. Empty lines are skipped.
 */
export function parseCsv(text: string): string[][] {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  const endField = (): void => {
    row.push(field);
    field = '';
  };
  const endRow = (): void => {
    endField();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"' && field === '') {
      const end = endOfQuoted(text, i);
      field = text.slice(i + 1, end).replaceAll('""', '"');
      i = end;
    } else if (character === separator) endField();
    else if (character === '\n' || character === '\r') {
      if (character === '\r' && text[i + 1] === '\n') i += 1;
      endRow();
    } else field += character;
  }
  if (field !== '' || row.length > 0) endRow();
  return rows;
}

/** Index of the closing quote of the field that begins at `start`; without one, of the end. */
function endOfQuoted(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] !== '"') continue;
    if (text[i + 1] !== '"') return i;
    i += 1;
  }
  return text.length;
}

function separatorOf(text: string): string {
  const line = text.slice(0, 10_000).split(/[\r\n]/, 1)[0] ?? '';
  const [most] = [',', ';', '\t']
    .map((separator) => ({ separator, count: line.split(separator).length }))
    .sort((a, b) => b.count - a.count);
  return most!.separator;
}
