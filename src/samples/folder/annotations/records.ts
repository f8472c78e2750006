import type { AnnotatedPicture } from './annotation.js';

/** A row of a table, or a flat object: values by column name. */
export type AnnotationRecord = ReadonlyMap<string, unknown>;

const PICTURE_COLUMNS =
  'filename file_name file image img picture photo image_path img_path imagepath filepath file_path path image_name image_id img_id imageid image_url url external_id name id'.split(
    ' ',
  );
const LABEL_COLUMNS =
  'label class category classname class_name label_name choice target species tag labels classes variety annotation expected y'.split(
    ' ',
  );
const BOX_COLUMN = /^(?:x_?min|x1|bbox|bounding_box|xtl|x_center|width_box|coordinates)$/;

/**
 * Reads rows that name a picture and its class, or have a 0/1 column for each class (Roboflow's
 * `_classes.csv`). Null: the rows do neither.
 */
export function readRecords(
  rows: readonly AnnotationRecord[],
): { pictures: AnnotatedPicture[]; boxes: boolean } | null {
  const [first] = rows;
  if (first === undefined) return null;
  const columns = [...first.keys()];
  const pictureColumn = pick(columns, PICTURE_COLUMNS);
  if (pictureColumn === null) return null;
  const labelColumn = pick(
    columns.filter((column) => column !== pictureColumn),
    LABEL_COLUMNS,
  );
  const others = columns.filter((column) => column !== pictureColumn && column.trim() !== '');
  const oneHot =
    others.length > 1 &&
    rows.every((row) =>
      others.every((column) => /^\s*[01](?:\.0*)?\s*$/.test(text(row.get(column)))),
    );
  if (oneHot) {
    const pictures = rows.map((row) => ({
      picture: text(row.get(pictureColumn)),
      labels: others.filter((column) => Number(row.get(column)) === 1).map((name) => name.trim()),
    }));
    return { pictures, boxes: false };
  }
  if (labelColumn === null) return null;
  const pictures = rows.map((row) => ({
    picture: text(row.get(pictureColumn)),
    labels: labelsIn(row.get(labelColumn)),
  }));
  return { pictures, boxes: columns.some((column) => BOX_COLUMN.test(normalised(column))) };
}

/**
 * Extracts labels from a value: a string, a list of strings, or Label Studio's `{"choices": […]}`.
 */
export function labelsIn(value: unknown): string[] {
  if (typeof value === 'number') return [String(value)];
  if (typeof value === 'string') {
    const trimmed = value.trim();
    if (/^[[{]/.test(trimmed)) {
      const parsed = parsedJson(trimmed);
      if (parsed !== undefined) return labelsIn(parsed);
    }
    return trimmed === '' ? [] : [trimmed];
  }
  if (Array.isArray(value)) return value.flatMap(labelsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => /^(?:choices|label|class|name|[a-z]*labels)$/i.test(key))
    .flatMap(([, inner]) => labelsIn(inner));
}

function pick(columns: readonly string[], wanted: readonly string[]): string | null {
  for (const name of wanted) {
    const found = columns.find((column) => normalised(column) === name);
    if (found !== undefined) return found;
  }
  return null;
}

function normalised(column: string): string {
  return column
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function parsedJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
