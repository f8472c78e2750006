import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { type ExportedPicture, type Exporter, PICTURE_FOLDER, partOf } from './exporter.js';

const COLUMNS = ['filename', 'label', 'group', 'split', 'source', 'captured_at'];

/** A table with a row for each picture (RFC 4180, UTF-8). */
export const CSV_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: false,
  takesWaiting: true,
  folderOf: () => PICTURE_FOLDER,
  *textsOf(pictures) {
    const rows = [COLUMNS, ...pictures.map(rowOf)];
    const text = rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
    yield { file: 'labels.csv', text };
  },
};

function rowOf({ sample, file }: ExportedPicture): string[] {
  const { label, group, source, capturedAtMs } = sample;
  return [
    file,
    cellOf(label ?? ''),
    group,
    partOf(sample),
    source,
    new Date(capturedAtMs).toISOString(),
  ];
}

/** A label that looks like JSON is written as JSON, because readers of tables parse it. */
function cellOf(label: string): string {
  return /^[[{]/.test(label) ? JSON.stringify([label]) : label;
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
