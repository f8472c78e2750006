import { isRecord } from '../../../base/values/is-record.js';
import type { AnnotatedPicture, AnnotationFile, LabelledBox, TaskColumns } from './annotation.js';
import { boxOfCentre, boxOfPoints, boxOfSides, type Measure, pixelsIn } from './boxes.js';
import { Faults } from './faults.js';
import { marksIn, numberIn } from './marks.js';
import { readRecords } from './records.js';

type JsonRecord = Readonly<Record<string, unknown>>;

/** Reads the JSON of a known annotation tool; null: unknown format. */
export function readJsonAnnotations(
  value: unknown,
  columns: TaskColumns | null = null,
): AnnotationFile | null {
  return (
    ofCoco(value) ??
    ofEdgeImpulse(value) ??
    ofCreateMl(value) ??
    ofLabelStudio(value) ??
    ofLabelMe(value) ??
    ofFlat(value, columns)
  );
}

function ofCoco(value: unknown): AnnotationFile | null {
  if (!isRecord(value)) return null;
  const { images, annotations, categories } = value;
  if (!Array.isArray(images) || !Array.isArray(annotations) || !Array.isArray(categories)) {
    return null;
  }
  const faults = new Faults();
  const names = new Map<unknown, string>();
  for (const category of categories.filter(isRecord)) {
    if (isId(category.id) && typeof category.name === 'string')
      names.set(category.id, category.name);
  }
  const pictures = new Map<unknown, AnnotatedPicture & { measure: Measure }>();
  images.forEach((image: unknown, index) => {
    if (isRecord(image) && isId(image.id) && typeof image.file_name === 'string') {
      const measure = pixelsIn(image.width, image.height);
      pictures.set(image.id, { picture: image.file_name, labels: [], boxes: [], measure });
    } else faults.add('they have no id or no file_name', `image ${index + 1}`);
  });
  annotations.forEach((annotation: unknown, index) => {
    const fault = addCoco(annotation, pictures, names);
    if (fault !== null) faults.add(fault, `annotation ${index + 1}`);
  });
  return {
    format: 'COCO annotations',
    pictures: [...pictures.values()],
    faults: faults.messages(),
  };
}

/** @returns why the annotation cannot be used; null: it was added to its picture */
function addCoco(
  annotation: unknown,
  pictures: ReadonlyMap<unknown, AnnotatedPicture & { measure: Measure }>,
  names: ReadonlyMap<unknown, string>,
): string | null {
  if (!isRecord(annotation)) return 'they are no objects';
  const picture = pictures.get(annotation.image_id);
  const label = names.get(annotation.category_id);
  if (picture === undefined) return 'no image has their image_id';
  if (label === undefined) return 'no category has their category_id';
  const { bbox } = annotation;
  if (bbox === undefined) picture.labels.push(label);
  else picture.boxes.push({ label, box: boxOfSides(numbersIn(bbox), picture.measure) });
  return null;
}

function ofEdgeImpulse(value: unknown): AnnotationFile | null {
  if (!isRecord(value)) return null;
  const format = 'an Edge Impulse export';
  if (isRecord(value.boundingBoxes)) {
    const pictures = Object.entries(value.boundingBoxes).map(([picture, list]) => {
      return { picture, labels: [], boxes: edgeImpulseBoxes(list) };
    });
    return { format, pictures, faults: [] };
  }
  const { files } = value;
  if (!Array.isArray(files) || !files.some((file) => isRecord(file) && 'label' in file))
    return null;
  const faults = new Faults();
  const pictures: AnnotatedPicture[] = [];
  files.forEach((file: unknown, index) => {
    const picture = isRecord(file) ? (file.path ?? file.name) : null;
    if (!isRecord(file) || typeof picture !== 'string') {
      faults.add('they have no path', `file ${index + 1}`);
      return;
    }
    const boxes = edgeImpulseBoxes(file.boundingBoxes);
    pictures.push({ picture, labels: boxes.length > 0 ? [] : marksIn(file.label).labels, boxes });
  });
  return { format, pictures, faults: faults.messages() };
}

function edgeImpulseBoxes(list: unknown): LabelledBox[] {
  return labelledIn(list, ({ x, y, width, height }) =>
    boxOfSides([x, y, width, height].map(numberIn), pixelsIn(null, null)),
  );
}

function ofCreateMl(value: unknown): AnnotationFile | null {
  if (!Array.isArray(value)) return null;
  const isPicture = (each: unknown): each is JsonRecord =>
    isRecord(each) && typeof each.image === 'string' && Array.isArray(each.annotations);
  if (!value.some(isPicture)) return null;
  const faults = new Faults();
  const pictures: AnnotatedPicture[] = [];
  for (const [index, each] of value.entries()) {
    if (!isPicture(each)) {
      faults.add('they name no image', `record ${index + 1}`);
      continue;
    }
    const boxes = labelledIn(each.annotations, ({ coordinates }) => {
      if (!isRecord(coordinates)) return null;
      const { x, y, width, height } = coordinates;
      return boxOfCentre([x, y, width, height].map(numberIn), pixelsIn(null, null));
    });
    pictures.push({ picture: String(each.image), labels: [], boxes });
  }
  return { format: 'CreateML annotations', pictures, faults: faults.messages() };
}

function ofLabelStudio(value: unknown): AnnotationFile | null {
  const tasks = isLabelStudioTask(value) ? [value] : value;
  if (!Array.isArray(tasks) || !tasks.some(isLabelStudioTask)) return null;
  const faults = new Faults();
  const pictures: AnnotatedPicture[] = [];
  for (const [index, task] of tasks.entries()) {
    if (!isLabelStudioTask(task)) {
      faults.add('they are no tasks', `record ${index + 1}`);
      continue;
    }
    const picture: AnnotatedPicture = { picture: pictureIn(task.data), labels: [], boxes: [] };
    for (const annotation of arrayIn(task.annotations ?? task.completions)) {
      if (!isRecord(annotation) || annotation.was_cancelled === true) continue;
      for (const result of arrayIn(annotation.result)) addResult(picture, result);
    }
    pictures.push(picture);
  }
  return { format: 'a Label Studio export', pictures, faults: faults.messages() };
}

function isLabelStudioTask(
  value: unknown,
): value is JsonRecord & { data: Record<string, unknown> } {
  const lists = ['annotations', 'completions', 'predictions'];
  return isRecord(value) && isRecord(value.data) && lists.some((key) => Array.isArray(value[key]));
}

function addResult(picture: AnnotatedPicture, result: unknown): void {
  if (!isRecord(result) || !isRecord(result.value)) return;
  const { original_width, original_height } = result;
  const { labels, boxes } = marksIn({ ...result.value, original_width, original_height });
  picture.labels.push(...labels);
  picture.boxes.push(...boxes);
}

/** The field of a Label Studio task that names its picture. */
function pictureIn(data: JsonRecord): string {
  const texts = Object.entries(data).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const byName = texts.find(([key]) => /^(?:image|img|picture|photo)/i.test(key));
  return (byName ?? texts[0])?.[1] ?? '';
}

function ofLabelMe(value: unknown): AnnotationFile | null {
  if (!isRecord(value)) return null;
  const { imagePath, shapes, imageWidth, imageHeight } = value;
  if (typeof imagePath !== 'string' || !Array.isArray(shapes)) return null;
  const measure = pixelsIn(imageWidth, imageHeight);
  const boxes = labelledIn(shapes, ({ points, shape_type }) => {
    const corners = arrayIn(points).map(numbersIn);
    const [[x = Number.NaN, y = Number.NaN] = [], [edgeX = Number.NaN, edgeY = Number.NaN] = []] =
      corners;
    if (shape_type === 'circle') {
      const size = 2 * Math.hypot(edgeX - x, edgeY - y);
      return boxOfCentre([x, y, size, size], measure);
    }
    return boxOfPoints(
      corners.map(([left = Number.NaN, top = Number.NaN]) => [left, top]),
      measure,
    );
  });
  const pictures = [{ picture: imagePath, labels: [], boxes }];
  return { format: 'LabelMe annotations', pictures, faults: [] };
}

function ofFlat(value: unknown, columns: TaskColumns | null): AnnotationFile | null {
  if (!Array.isArray(value)) return null;
  const rows = value.filter(isRecord);
  const found = readRecords(
    rows.map((row) => new Map(Object.entries(row))),
    columns,
  );
  if (found === null || rows.length === value.length) return found;
  const others = `has ${value.length - rows.length} of ${value.length} records that are no objects`;
  return { ...found, faults: [...found.faults, others] };
}

/** Boxes of a list of `{"label": …}`; one without a label has "", which no class can have. */
function labelledIn(
  list: unknown,
  boxOf: (record: JsonRecord) => LabelledBox['box'],
): LabelledBox[] {
  return arrayIn(list)
    .filter(isRecord)
    .map((each) => {
      return { label: typeof each.label === 'string' ? each.label : '', box: boxOf(each) };
    });
}

function arrayIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numbersIn(value: unknown): number[] {
  return arrayIn(value).map(numberIn);
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}
