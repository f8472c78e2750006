import type { PictureBox } from '../../../vision/picture-box.js';
import type { AnnotatedPicture, AnnotationFile } from './annotation.js';
import {
  boxOfCentre,
  boxOfEdges,
  boxOfPoints,
  boxOfSides,
  type Measure,
  pixelsIn,
} from './boxes.js';
import { numberIn } from './marks.js';

interface Tag {
  name: string;
  attributes: ReadonlyMap<string, string>;
  kind: 'open' | 'close' | 'empty';
  /** Text between the previous tag and this one. */
  before: string;
}

const TAG =
  /<(\/?)([A-Za-z_][\w.-]*)((?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/g;
const ATTRIBUTE = /([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);
/** No tool writes deeper elements. */
const MAX_DEPTH = 64;

/**
 * Reads the XML of CVAT ("CVAT for images") or Pascal VOC; null: neither. Entities that the file
 * declares are not expanded: {@link declaresEntities} tells of them.
 */
export function readXmlAnnotations(text: string): AnnotationFile | null {
  const plain = withoutComments(text);
  for (const { name, kind } of readTags(plain)) {
    if (kind === 'close') continue;
    if (name === 'annotations') return ofCvat(readTags(plain));
    return name === 'annotation' ? ofVoc(readTags(plain)) : null;
  }
  return null;
}

/** Whether XML declares entities, which can grow without bound; no annotation tool does. */
export function declaresEntities(text: string): boolean {
  return /<!ENTITY/i.test(text);
}

function ofCvat(tags: Iterable<Tag>): AnnotationFile | null {
  const pictures: AnnotatedPicture[] = [];
  let measure = pixelsIn(null, null);
  let current: AnnotatedPicture | null = null;
  let isVideo = false;
  for (const { name, attributes, kind } of tags) {
    if (name === 'track') isVideo = true;
    if (name === 'image') {
      current = null;
      if (kind === 'close') continue;
      const picture = { picture: attributes.get('name') ?? '', labels: [], boxes: [] };
      pictures.push(picture);
      measure = pixelsIn(attributes.get('width'), attributes.get('height'));
      if (kind === 'open') current = picture;
    } else if (current !== null && kind !== 'close') addMark(current, name, attributes, measure);
  }
  if (pictures.length === 0 && !isVideo) return null;
  const faults = isVideo
    ? ['has tracks of a video, which are not read: export the task as "CVAT for images 1.1"']
    : [];
  return { format: 'a CVAT export', pictures, faults };
}

function addMark(
  picture: AnnotatedPicture,
  name: string,
  attributes: ReadonlyMap<string, string>,
  measure: Measure,
): void {
  const label = attributes.get('label');
  if (label === undefined) return;
  if (name === 'tag') picture.labels.push(label);
  else picture.boxes.push({ label, box: boxOfShape(name, attributes, measure) });
}

/** The box around a shape of CVAT. */
function boxOfShape(
  shape: string,
  attributes: ReadonlyMap<string, string>,
  measure: Measure,
): PictureBox | null {
  const numbers = (...names: string[]): number[] =>
    names.map((name) => numberIn(attributes.get(name)));
  if (shape === 'mask') return boxOfSides(numbers('left', 'top', 'width', 'height'), measure);
  if (shape === 'ellipse') {
    const [x = 0, y = 0, rx = 0, ry = 0] = numbers('cx', 'cy', 'rx', 'ry');
    return boxOfCentre([x, y, 2 * rx, 2 * ry], measure);
  }
  const points = attributes.get('points');
  if (points !== undefined) return boxOfPoints(points.split(';').map(pointIn), measure);
  const edges = numbers('xtl', 'ytl', 'xbr', 'ybr');
  const degrees = numberIn(attributes.get('rotation') ?? '0');
  return degrees === 0 ? boxOfEdges(edges, measure) : boxOfPoints(turned(edges, degrees), measure);
}

/** Corners of a box that is turned about its centre. */
function turned(edges: readonly number[], degrees: number): [number, number][] {
  const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] = edges;
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const radians = (degrees * Math.PI) / 180;
  const [sine, cosine] = [Math.sin(radians), Math.cos(radians)];
  return [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ].map(([cornerX = 0, cornerY = 0]) => [
    x + (cornerX - x) * cosine - (cornerY - y) * sine,
    y + (cornerX - x) * sine + (cornerY - y) * cosine,
  ]);
}

function pointIn(text: string): [number, number] {
  const [x, y] = text.split(',');
  return [numberIn(x), numberIn(y)];
}

function ofVoc(tags: Iterable<Tag>): AnnotationFile | null {
  const picture: AnnotatedPicture = { picture: '', labels: [], boxes: [] };
  const size = new Map<string, string>();
  let object = new Map<string, string>();
  const objects: Map<string, string>[] = [];
  const path: string[] = [];
  for (const { name, kind, before } of tags) {
    if (kind === 'open') path.push(name);
    if (path.length > MAX_DEPTH) break;
    if (kind !== 'close') continue;
    const at = path.join('/');
    const text = before.trim();
    if (at === 'annotation/filename') picture.picture = text;
    else if (at.startsWith('annotation/size/')) size.set(name, text);
    else if (at === 'annotation/object/name' || at.startsWith('annotation/object/bndbox/')) {
      object.set(name, text);
    } else if (at === 'annotation/object') {
      objects.push(object);
      object = new Map();
    }
    path.pop();
  }
  if (picture.picture === '') return null;
  const measure = pixelsIn(size.get('width'), size.get('height'));
  for (const found of objects) {
    const edges = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => numberIn(found.get(name)));
    picture.boxes.push({ label: found.get('name') ?? '', box: boxOfEdges(edges, measure) });
  }
  return { format: 'Pascal VOC annotations', pictures: [picture], faults: [] };
}

function* readTags(text: string): Generator<Tag> {
  let end = 0;
  for (const match of text.matchAll(TAG)) {
    const [whole, slash, name, attributes, empty] = match;
    yield {
      name: name!,
      attributes: new Map(
        [...attributes!.matchAll(ATTRIBUTE)].map(([, key, double, single]): [string, string] => [
          key!,
          decodeEntities(double ?? single ?? ''),
        ]),
      ),
      kind: slash === '/' ? 'close' : empty === '/' ? 'empty' : 'open',
      before: decodeEntities(text.slice(end, match.index)),
    };
    end = match.index + whole.length;
  }
}

function withoutComments(text: string): string {
  const parts: string[] = [];
  for (let from = 0; ; ) {
    const start = text.indexOf('<!--', from);
    if (start < 0) return parts.join('') + text.slice(from);
    parts.push(text.slice(from, start));
    const end = text.indexOf('-->', start + 4);
    if (end < 0) return parts.join('');
    from = end + 3;
  }
}

function decodeEntities(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z]+));/gi,
    (whole, hex, decimal, name) => {
      if (name !== undefined) return ENTITIES.get(name) ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
