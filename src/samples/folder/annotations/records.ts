import { isRecord } from '../../../base/values/is-record.js';
import { splitOf } from '../../../vision/folder/splits.js';
import type { PictureBox } from '../../../vision/picture-box.js';
import type { AnnotatedPicture, AnnotationFile, TaskColumns } from './annotation.js';
import { boxOfEdges, boxOfSides, type Measure, pixelsIn, SHARES } from './boxes.js';
import { Faults } from './faults.js';
import { marksIn, numberIn } from './marks.js';

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
/** Edges of a box in the order left, top, right, bottom, as tables name them. */
const EDGE_COLUMNS: readonly (readonly string[])[] = [
  ['xmin', 'ymin', 'xmax', 'ymax'],
  ['x_min', 'y_min', 'x_max', 'y_max'],
  ['x1', 'y1', 'x2', 'y2'],
  ['xtl', 'ytl', 'xbr', 'ybr'],
  ['left', 'top', 'right', 'bottom'],
];
/** Upper left corner, width and height. */
const SIDE_COLUMNS: readonly (readonly string[])[] = [
  ['bbox_x', 'bbox_y', 'bbox_width', 'bbox_height'],
  ['x', 'y', 'w', 'h'],
  ['x', 'y', 'width', 'height'],
];
/** A list `[left, top, width, height]`, as in COCO. */
const LIST_COLUMN = /^(?:bbox|bounding_box)$/;
const GROUP_COLUMN = ['group'];
const SPLIT_COLUMN = ['split'];
/** Columns beside labels that are not worth a note. */
const OTHER_COLUMNS = new Set([
  ...'source captured_at latitude longitude accuracy_meters width height annotation_id annotator lead_time created_at updated_at bbox bounding_box'.split(
    ' ',
  ),
  ...EDGE_COLUMNS.flat(),
  ...SIDE_COLUMNS.flat(),
]);
/** More columns make no table of labels, and would take too long to search. */
const MAX_COLUMNS = 5_000;
/** Columns that Label Studio adds to the data of a task. */
const LABEL_STUDIO_COLUMNS = ['annotation_id', 'annotator', 'lead_time'];

/** Columns of a table that label its pictures. */
interface Columns {
  picture: string;
  label: string | null;
  box: ((row: AnnotationRecord) => PictureBox | null) | null;
  group: string | null;
  split: string | null;
}

/**
 * Reads rows that name a picture and its class, or have a 0/1 column for each class (Roboflow's
 * `_classes.csv`), or a column for each task. Label Studio's CSV and JSON-MIN are such rows. Null:
 * the rows do neither.
 */
export function readRecords(
  rows: readonly AnnotationRecord[],
  taskColumns: TaskColumns | null = null,
): AnnotationFile | null {
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  if (names.length > MAX_COLUMNS) return null;
  const byTask = taskColumns === null ? null : ofTasks(rows, names, taskColumns);
  if (byTask !== null) return byTask;
  const picture = pick(names, PICTURE_COLUMNS);
  if (picture === null) return null;
  const others = names.filter((column) => column !== picture && column.trim() !== '');
  if (isOneHot(rows, others)) return ofOneHot(rows, picture, others);
  const isLabelStudio = LABEL_STUDIO_COLUMNS.some((column) => names.includes(column));
  const label = pick(others, LABEL_COLUMNS) ?? (isLabelStudio ? markedColumn(rows, others) : null);
  if (label === null) {
    if (taskColumns === null || others.length === 0) return null;
    const faults = [notOfTasks(others, taskColumns.tasks)];
    return { format: 'a table of labels', pictures: [], faults };
  }
  const columns: Columns = {
    picture,
    label,
    box: isLabelStudio ? null : boxColumns(rows, others),
    group: isLabelStudio ? null : pick(others, GROUP_COLUMN),
    split: isLabelStudio ? null : pick(others, SPLIT_COLUMN),
  };
  const faults = new Faults();
  const pictures = rows.map((row, index) => ofRow(row, index, columns, faults));
  return {
    format: isLabelStudio ? 'a Label Studio export' : 'a table of labels',
    pictures,
    faults: faults.messages(),
  };
}

/** Reads the labels of one task from a table with columns for tasks; null: it has none. */
function ofTasks(
  rows: readonly AnnotationRecord[],
  names: readonly string[],
  { task, tasks }: TaskColumns,
): AnnotationFile | null {
  const columnOf = (name: string) => names.find((one) => normalised(one) === normalised(name));
  const ofTask = tasks.flatMap((name) => columnOf(name) ?? []);
  const others = names.filter((column) => !ofTask.includes(column) && column.trim() !== '');
  const picture = pick(others, PICTURE_COLUMNS);
  if (picture === null || ofTask.length === 0) return null;
  const columns: Columns = {
    picture,
    label: columnOf(task) ?? null,
    box: boxColumns(rows, others),
    group: pick(others, GROUP_COLUMN),
    split: pick(others, SPLIT_COLUMN),
  };
  const faults = new Faults();
  const isLabelled = (row: AnnotationRecord, column: string): boolean => {
    const { labels, boxes } = marksIn(row.get(column));
    return labels.length + boxes.length > 0;
  };
  const pictures = rows.map((row, index) => {
    const elsewhere = ofTask.some((column) => column !== columns.label && isLabelled(row, column));
    return { ...ofRow(row, index, columns, faults), elsewhere };
  });
  const read = [columns.picture, columns.group, columns.split];
  const unread = others.filter(
    (column) => !read.includes(column) && !OTHER_COLUMNS.has(normalised(column)),
  );
  const messages = faults.messages();
  if (columns.label === null) messages.push(`has no column "${task}"`);
  if (unread.length > 0) messages.push(notOfTasks(unread, tasks));
  return {
    format: 'a table of labels',
    pictures,
    faults: messages,
    tasks: tasks.filter((name) => {
      const column = columnOf(name);
      return column !== undefined && rows.some((row) => isLabelled(row, column));
    }),
  };
}

function notOfTasks(columns: readonly string[], tasks: readonly string[]): string {
  const seen = columns.map((column) => JSON.stringify(column)).join(', ');
  return `has columns that were not read, because no task has their name: ${seen}. The tasks are: ${tasks.join(', ')}`;
}

function ofRow(
  row: AnnotationRecord,
  index: number,
  { picture, label, box, group, split }: Columns,
  faults: Faults,
): AnnotatedPicture {
  const name = text(row.get(picture));
  if (name === '') faults.add('they name no picture', `record ${index + 1}`);
  const { labels, boxes } = marksIn(label === null ? null : row.get(label));
  const place = {
    group: group === null ? null : text(row.get(group)).trim() || null,
    split: split === null ? null : splitOf(text(row.get(split)).trim()),
  };
  if (box === null) return { picture: name, labels, boxes, ...place };
  const found = box(row);
  const inBox = labels.map((one) => ({ label: one, box: found }));
  return { picture: name, labels: [], boxes: [...inBox, ...boxes], ...place };
}

function isOneHot(rows: readonly AnnotationRecord[], columns: readonly string[]): boolean {
  return (
    columns.length > 1 &&
    rows.every((row) =>
      columns.every((column) => /^\s*[01](?:\.0*)?\s*$/.test(text(row.get(column)))),
    )
  );
}

function ofOneHot(
  rows: readonly AnnotationRecord[],
  picture: string,
  columns: readonly string[],
): AnnotationFile {
  const pictures = rows.map((row) => ({
    picture: text(row.get(picture)),
    labels: columns.filter((column) => Number(row.get(column)) === 1).map((name) => name.trim()),
    boxes: [],
  }));
  return { format: 'a table of labels', pictures, faults: [] };
}

/** The column of Label Studio with choices or regions, whose name is that of the control. */
function markedColumn(
  rows: readonly AnnotationRecord[],
  columns: readonly string[],
): string | null {
  const isMark = (value: unknown): boolean =>
    (isRecord(value) && Array.isArray(value.choices)) ||
    (Array.isArray(value) && value.some(isRecord)) ||
    (typeof value === 'string' && /^\s*(?:\{"choices":|\[\{")/.test(value));
  return columns.find((column) => rows.some((row) => isMark(row.get(column)))) ?? null;
}

/** How to read the box of a row; null: the table has no columns for boxes. */
function boxColumns(rows: readonly AnnotationRecord[], columns: readonly string[]): Columns['box'] {
  const named = new Map(columns.map((column) => [normalised(column), column]));
  const all = (names: readonly string[]) => names.every((name) => named.has(name));
  const numbers = (row: AnnotationRecord, names: readonly string[]): number[] =>
    names.map((name) => numberIn(row.get(named.get(name) ?? '')));
  const edges = EDGE_COLUMNS.find(all);
  if (edges !== undefined) {
    const isShare = areShares(rows.flatMap((row) => numbers(row, edges)));
    const measure = (row: AnnotationRecord): Measure =>
      isShare ? SHARES : pixelsIn(...sizeIn(numbers(row, ['width', 'height'])));
    return (row) => boxOfEdges(numbers(row, edges), measure(row));
  }
  const sides = SIDE_COLUMNS.find(all);
  if (sides !== undefined) {
    const measure = areShares(rows.flatMap((row) => numbers(row, sides)))
      ? SHARES
      : pixelsIn(null, null);
    return (row) => boxOfSides(numbers(row, sides), measure);
  }
  const list = [...named.keys()].find((column) => LIST_COLUMN.test(column));
  if (list === undefined) return null;
  const column = named.get(list) ?? '';
  return (row) =>
    boxOfSides(listIn(row.get(column)), pixelsIn(...sizeIn(numbers(row, ['width', 'height']))));
}

function sizeIn([width, height]: readonly number[]): [unknown, unknown] {
  return [width, height];
}

/** Whether coordinates are shares of the picture: none is above 1, and some are fractions. */
function areShares(coordinates: readonly number[]): boolean {
  const known = coordinates.filter((each) => !Number.isNaN(each));
  return known.every((each) => each <= 1) && known.some((each) => !Number.isInteger(each));
}

function listIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.map(numberIn);
  return typeof value === 'string'
    ? value
        .replace(/^\s*\[|\]\s*$/g, '')
        .split(',')
        .map(numberIn)
    : [];
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
