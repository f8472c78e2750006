import { isRecord } from '../../../base/values/is-record.js';
import type { PictureBox } from '../../../vision/picture-box.js';
import type { LabelledBox } from './annotation.js';
import { boxOfCentre, boxOfPoints, SHARES } from './boxes.js';

/** What a value of an annotation says of a picture. */
export interface Marks {
  labels: string[];
  boxes: LabelledBox[];
}

/** Deeper nesting has no meaning in any format, and would exhaust the stack. */
const MAX_DEPTH = 8;
const LABEL_KEY = /^(?:choices|label|class|name)$/i;
const REGION_KEY = /^[a-z]*labels$/i;

/**
 * Reads a value that labels a picture: a text, a number, a list of them, Label Studio's
 * `{"choices": […]}` or its regions (`{"rectanglelabels": […], "x": …}`). A text with such JSON in it
 * is read as the JSON.
 */
export function marksIn(value: unknown): Marks {
  const marks: Marks = { labels: [], boxes: [] };
  const parsed = typeof value === 'string' ? parsedJson(value.trim()) : undefined;
  collect(parsed === undefined ? value : parsed, marks, 0);
  return marks;
}

function collect(value: unknown, marks: Marks, depth: number): void {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'number') marks.labels.push(String(value));
  else if (typeof value === 'string') {
    if (value.trim() !== '') marks.labels.push(value.trim());
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, marks, depth + 1);
  } else if (isRecord(value)) collectRecord(value, marks, depth);
}

function collectRecord(
  record: Readonly<Record<string, unknown>>,
  marks: Marks,
  depth: number,
): void {
  for (const [key, inner] of Object.entries(record)) {
    if (LABEL_KEY.test(key)) collect(inner, marks, depth + 1);
    else if (REGION_KEY.test(key)) {
      const found: Marks = { labels: [], boxes: [] };
      collect(inner, found, depth + 1);
      if (!hasPlace(record)) marks.labels.push(...found.labels);
      else {
        const box = boxOfRegion(record);
        for (const label of found.labels) marks.boxes.push({ label, box });
      }
    }
  }
}

function hasPlace(region: Readonly<Record<string, unknown>>): boolean {
  return ['x', 'points', 'rle'].some((key) => region[key] !== undefined);
}

/** The box around a region of Label Studio, whose coordinates are percents of the picture. */
function boxOfRegion(region: Readonly<Record<string, unknown>>): PictureBox | null {
  const number = (key: string): number => numberIn(region[key]);
  if (Array.isArray(region.points)) {
    return boxOfPoints(region.points.map(pointIn), SHARES);
  }
  const [x, y] = [number('x'), number('y')];
  if (region.radiusX !== undefined) {
    const percents = [x, y, 2 * number('radiusX'), 2 * number('radiusY')];
    return boxOfCentre(percents.map(shareOf), SHARES);
  }
  const [width, height] = [number('width'), number('height')];
  const degrees = region.rotation === undefined ? 0 : number('rotation');
  const aspect = numberIn(region.original_width) / numberIn(region.original_height);
  return boxOfPoints(cornersOf(x, y, width, height, degrees, aspect), SHARES);
}

/**
 * Corners of a rectangle that is turned about its upper left corner.
 * @param aspect width of the picture divided by its height, because percents of both differ; NaN:
 *   unknown, taken for 1
 */
function cornersOf(
  x: number,
  y: number,
  width: number,
  height: number,
  degrees: number,
  aspect: number,
): [number, number][] {
  const ratio = aspect > 0 ? aspect : 1;
  const [sine, cosine] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  return [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ].map(([right = 0, down = 0]) => [
    (x + right * cosine - (down * sine) / ratio) / 100,
    (y + right * sine * ratio + down * cosine) / 100,
  ]);
}

function shareOf(percent: number): number {
  return percent / 100;
}

function pointIn(point: unknown): [number, number] {
  if (!Array.isArray(point)) return [Number.NaN, Number.NaN];
  return [numberIn(point[0]) / 100, numberIn(point[1]) / 100];
}

/** A number, also as text; NaN: none. */
export function numberIn(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

function parsedJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
