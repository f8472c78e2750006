import type { AnnotatedPicture, AnnotationFile } from './annotation.js';

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

/** Reads the XML of CVAT ("CVAT for images") or Pascal VOC; null: neither. */
export function readXmlAnnotations(text: string): AnnotationFile | null {
  const tags = readTags(withoutComments(text));
  const root = tags.find(({ kind }) => kind !== 'close')?.name;
  if (root === 'annotations') return ofCvat(tags);
  if (root === 'annotation') return ofVoc(tags);
  return null;
}

function ofCvat(tags: readonly Tag[]): AnnotationFile | null {
  const pictures: AnnotatedPicture[] = [];
  let boxes = false;
  let current: AnnotatedPicture | null = null;
  for (const { name, attributes, kind } of tags) {
    if (name === 'image' && kind !== 'close') {
      current = { picture: attributes.get('name') ?? '', labels: [] };
      pictures.push(current);
      if (kind === 'empty') current = null;
    } else if (name === 'image') current = null;
    else if (current !== null && kind !== 'close') {
      const label = attributes.get('label');
      if (label === undefined) continue;
      current.labels.push(label);
      boxes ||= name !== 'tag';
    }
  }
  return pictures.length === 0 ? null : { format: 'a CVAT export', pictures, boxes };
}

function ofVoc(tags: readonly Tag[]): AnnotationFile | null {
  const picture: AnnotatedPicture = { picture: '', labels: [] };
  const path: string[] = [];
  for (const { name, kind, before } of tags) {
    if (kind === 'open') path.push(name);
    if (kind !== 'close') continue;
    const at = path.join('/');
    if (at === 'annotation/filename') picture.picture = before.trim();
    if (at === 'annotation/object/name' && before.trim() !== '') picture.labels.push(before.trim());
    path.pop();
  }
  if (picture.picture === '') return null;
  return { format: 'Pascal VOC annotations', pictures: [picture], boxes: true };
}

function readTags(text: string): Tag[] {
  const tags: Tag[] = [];
  let end = 0;
  for (const match of text.matchAll(TAG)) {
    const [whole, slash, name, attributes, empty] = match;
    tags.push({
      name: name!,
      attributes: new Map(
        [...attributes!.matchAll(ATTRIBUTE)].map(([, key, double, single]): [string, string] => [
          key!,
          decodeEntities(double ?? single ?? ''),
        ]),
      ),
      kind: slash === '/' ? 'close' : empty === '/' ? 'empty' : 'open',
      before: decodeEntities(text.slice(end, match.index)),
    });
    end = match.index + whole.length;
  }
  return tags;
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
