import { z } from 'zod';
import { readYaml } from '../../../base/words/read-yaml.js';
import type { PictureBox } from '../../../vision/picture-box.js';
import type { AnnotatedPicture, LabelledBox } from './annotation.js';
import { boxOfCentre, boxOfEdges, boxOfPoints, pixelsIn, SHARES } from './boxes.js';

const named = z.object({
  names: z.union([
    z.array(z.union([z.string(), z.number()])),
    z.record(z.string(), z.union([z.string(), z.number()])),
  ]),
  kpt_shape: z.array(z.number()).optional(),
});
/** A `data.yaml` has names and a few paths; the parser is slow with more. */
const MAX_YAML_CHARACTERS = 250_000;

/** Class names by number. */
export type ClassNames = ReadonlyMap<number, string>;

/** Contents of a `data.yaml`. */
export interface YoloYaml {
  names: ClassNames;
  /** Lines of labels have key points after the box. */
  keyPoints: boolean;
}

/** Reads a `data.yaml`; null: it names no classes. */
export function readYoloYaml(text: string): YoloYaml | null {
  if (text.length > MAX_YAML_CHARACTERS) return null;
  const { value } = readYaml(text);
  const { data } = named.safeParse(value);
  if (data === undefined) return null;
  const names = Object.entries(data.names).map(([key, name]): [number, string] => [
    Number(key),
    String(name),
  ]);
  return { names: new Map(names), keyPoints: data.kpt_shape !== undefined };
}

/**
 * Class names in a `classes.txt`, `obj.names` or `_darknet.labels`, one per line. The number of a
 * class is that of its line: a blank line among the names is a class without a name.
 */
export function namesInLines(text: string): ClassNames {
  const lines = text.trim().split(/\r?\n/);
  return new Map([...lines.map((line) => line.trim()).entries()].filter(([, name]) => name !== ''));
}

/** A box of a YOLO file: the number of its class, and the shares of the picture after it. */
export interface YoloLine {
  classNumber: number;
  shares: number[];
}

const LINE = /^(\d{1,6})((?:\s+[-+0-9.eE]+){4,})$/;

/**
 * Boxes, polygons or turned boxes of one picture, one per line.
 * @returns `badLines`: numbers (from 1) of other lines; null: no line is one, the file is no YOLO
 *   file. An empty file is one without boxes.
 */
export function readYoloLines(text: string): { lines: YoloLine[]; badLines: number[] } | null {
  const lines: YoloLine[] = [];
  const badLines: number[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '') return;
    const match = LINE.exec(line.trim());
    if (match === null) badLines.push(index + 1);
    else {
      const shares = match[2]!.trim().split(/\s+/).map(Number);
      lines.push({ classNumber: Number(match[1]), shares });
    }
  });
  return lines.length === 0 && badLines.length > 0 ? null : { lines, badLines };
}

/**
 * The box of a line. Four numbers are centre, width and height, a fifth is the probability of a
 * prediction; an even number from six on are the points of a polygon; others are a box with key points.
 */
export function boxOfLine({ shares }: YoloLine, keyPoints: boolean): PictureBox | null {
  const isPolygon = shares.length >= 6 && shares.length % 2 === 0 && !keyPoints;
  if (!isPolygon) return boxOfCentre(shares.slice(0, 4), SHARES);
  const points: [number, number][] = [];
  for (let i = 0; i < shares.length; i += 2) points.push([shares[i]!, shares[i + 1]!]);
  return boxOfPoints(points, SHARES);
}

const LISTED_BOX = /^(\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?){3}),(\d+)$/;

/**
 * Reads `_annotations.txt`: per line a picture, then its boxes as `x1,y1,x2,y2,class`.
 * @param labelOf null: the class has no name, and the box is left out
 */
export function readYoloList(
  text: string,
  labelOf: (classNumber: number) => string | null,
): AnnotatedPicture[] | null {
  const pictures: AnnotatedPicture[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const words = line.trim().split(/\s+/);
    // Picture names may contain spaces; the boxes are at the end.
    let first = words.length;
    while (first > 1 && LISTED_BOX.test(words[first - 1]!)) first -= 1;
    const boxes = words.slice(first).flatMap((word): LabelledBox[] => {
      const [, edges, classNumber] = LISTED_BOX.exec(word)!;
      const label = labelOf(Number(classNumber));
      if (label === null) return [];
      return [{ label, box: boxOfEdges(edges!.split(',').map(Number), pixelsIn(null, null)) }];
    });
    pictures.push({ picture: words.slice(0, first).join(' '), labels: [], boxes });
  }
  return pictures.some(({ boxes }) => boxes.length > 0) ? pictures : null;
}
