import { parse } from 'yaml';
import { z } from 'zod';
import type { AnnotatedPicture } from './annotation.js';

const named = z.object({
  names: z.union([
    z.array(z.union([z.string(), z.number()])),
    z.record(z.string(), z.union([z.string(), z.number()])),
  ]),
});

/** Class names by number. */
export type ClassNames = ReadonlyMap<number, string>;

/** Class names in a `data.yaml`; null: none. */
export function namesInYaml(text: string): ClassNames | null {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch {
    return null;
  }
  const { data } = named.safeParse(value);
  if (data === undefined) return null;
  return new Map(Object.entries(data.names).map(([key, name]) => [Number(key), String(name)]));
}

/**
 * Class names in a `classes.txt`, `obj.names` or `_darknet.labels`, one per line. The number of a
 * class is that of its line: a blank line among the names is a class without a name.
 */
export function namesInLines(text: string): ClassNames {
  const lines = text.trim().split(/\r?\n/);
  return new Map([...lines.map((line) => line.trim()).entries()].filter(([, name]) => name !== ''));
}

const BOX = /^(\d{1,6})(?:\s+[-+0-9.eE]+){4,}$/;

/** Class numbers of the boxes of one picture, one per line; null: not a YOLO file. */
export function readYoloLines(text: string): number[] | null {
  const classes: number[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const box = BOX.exec(line.trim());
    if (box === null) return null;
    classes.push(Number(box[1]));
  }
  return classes;
}

const LISTED_BOX = /^\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?){3},(\d+)$/;

/** Reads `_annotations.txt`: per line a picture, then its boxes as `x1,y1,x2,y2,class`. */
export function readYoloList(text: string, names: ClassNames): AnnotatedPicture[] | null {
  const pictures: AnnotatedPicture[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const words = line.trim().split(/\s+/);
    // Picture names may contain spaces; the boxes are at the end.
    let first = words.length;
    while (first > 1 && LISTED_BOX.test(words[first - 1]!)) first -= 1;
    const labels = words
      .slice(first)
      .map((word) => Number(LISTED_BOX.exec(word)![1]))
      .map((number) => names.get(number) ?? String(number));
    pictures.push({ picture: words.slice(0, first).join(' '), labels });
  }
  return pictures.some(({ labels }) => labels.length > 0) ? pictures : null;
}
