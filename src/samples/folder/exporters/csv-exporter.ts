import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { type ExportedPicture, type Exporter, PICTURE_FOLDER, partOf } from './exporter.js';

const PLACE_COLUMNS = ['latitude', 'longitude', 'accuracy_meters'];
const COLUMNS = ['filename', 'label', 'group', 'split', 'source', 'captured_at'];

/** A table with a row for each picture (RFC 4180, UTF-8). */
export const CSV_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: false,
  takesWaiting: true,
  folderOf: () => PICTURE_FOLDER,
  *textsOf(pictures) {
    const placed = pictures.some(({ sample }) => sample.position !== null);
    const rows = placed
      ? [
          [...COLUMNS, ...PLACE_COLUMNS],
          ...pictures.map((picture) => [...rowOf(picture), ...placeOf(picture)]),
        ]
      : [COLUMNS, ...pictures.map(rowOf)];
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

function placeOf({ sample: { position } }: ExportedPicture): string[] {
  const { latitude, longitude, accuracyMeters } = position ?? UNKNOWN_PLACE;
  return [latitude, longitude, accuracyMeters].map((value) => (value === null ? '' : `${value}`));
}

const UNKNOWN_PLACE = { latitude: null, longitude: null, accuracyMeters: null };

/** A label that looks like JSON is written as JSON, because readers of tables parse it. */
function cellOf(label: string): string {
  return /^[[{]/.test(label) ? JSON.stringify([label]) : label;
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
