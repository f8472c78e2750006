import { readFile, stat } from 'node:fs/promises';
import { fileProblem } from '../../../base/files/file-problem.js';
import { listIn } from '../../../base/values/list-in.js';
import { decodeText } from '../../../base/words/text.js';
import { type Folder, type FolderFile, visit } from '../../../vision/folder/folder-tree.js';
import type { PlacedPicture } from '../../../vision/folder/layout.js';
import type { Split } from '../../../vision/folder/splits.js';
import {
  ANNOTATION_FORMATS,
  type AnnotationFile,
  type AnnotationFormat,
  type LabelledBox,
  type TaskColumns,
} from './annotation.js';
import { readCsvAnnotations } from './csv.js';
import { readLabelsInNames } from './edge-impulse-names.js';
import { readJsonAnnotations } from './json.js';
import { PictureIndex, stemOf } from './picture-index.js';
import { declaresEntities, readXmlAnnotations } from './xml.js';
import {
  boxOfLine,
  type ClassNames,
  namesInLines,
  readYoloLines,
  readYoloList,
  readYoloYaml,
  type YoloLine,
} from './yolo.js';

/** Labels of one picture. */
export interface PictureLabels {
  /** Distinct labels of the picture as a whole. */
  whole: readonly string[];
  boxes: readonly LabelledBox[];
  /** Group that a table names; null: none. */
  group: string | null;
  /** Part of the data set that a table names; null: none. */
  split: Split | null;
  /** It has a label for another task. */
  elsewhere: boolean;
}

/** Annotations of the pictures of a folder. */
export interface Annotated {
  /** Null: no picture is labelled. */
  format: AnnotationFormat | null;
  /** Tool that wrote the files, by their names; null: unknown. */
  tool: 'Roboflow' | null;
  /** Some labels belong to boxes or other regions in the pictures. */
  boxes: boolean;
  /** Labels of a picture, by its name relative to the folder. */
  labelsOf(name: string): PictureLabels;
  /** Messages about annotation files, and records in them, that cannot be read. */
  unreadable: string[];
  /** Pictures that the annotations name but the folder does not have. */
  missing: string[];
  /** Tasks for which tables have labels, in columns of their own. */
  tasks: ReadonlySet<string>;
}

/** Larger files are refused: they would not fit into memory beside the daemon. */
const MAX_BYTES = 64 * 1024 * 1024;
const ANNOTATION_ENDING = /\.(?:json|jsonl|ndjson|csv|tsv|xml|txt|ya?ml|labels|names)$/i;
const CLASS_NAMES = /^(?:classes\.txt|_classes\.txt|labels\.txt|obj\.names|.*_darknet\.labels)$/i;
const ROBOFLOW = /^(?:README\.roboflow\.txt|_annotations\..+|_classes\.(?:csv|txt))$/i;
const NO_LABELS: PictureLabels = {
  whole: [],
  boxes: [],
  group: null,
  split: null,
  elsewhere: false,
};

/**
 * Reads annotations in a folder, in the formats of common tools. If there are several formats, the
 * one that labels most pictures is used.
 * @param except name of a file at the top that is none
 * @param columns null: tables have no columns for tasks
 */
export async function readAnnotations(
  root: Folder,
  pictures: readonly PlacedPicture[],
  except: string,
  columns: TaskColumns | null = null,
): Promise<Annotated> {
  const names = pictures.map(({ name }) => name);
  const reader = new AnnotationReader(names, columns);
  const files: { file: FolderFile; name: string }[] = [];
  visit(root, '', (file, name) => {
    const isAnnotation = !file.isPicture && ANNOTATION_ENDING.test(file.name.text);
    if (isAnnotation && name !== except) files.push({ file, name });
  });
  for (const { file, name } of files) await reader.read(file, name);
  reader.readNames(names);
  const isRoboflow = files.some(({ file }) => ROBOFLOW.test(file.name.text));
  return reader.best(isRoboflow ? 'Roboflow' : null);
}

/** What the files of one format say. */
interface Found {
  labels: Map<string, FoundLabels>;
  faults: string[];
  missing: Set<string>;
}

interface FoundLabels {
  whole: Set<string>;
  boxes: LabelledBox[];
  group: string | null;
  split: Split | null;
  elsewhere: boolean;
}

const NOTHING_FOUND: Found = { labels: new Map(), faults: [], missing: new Set() };

/** A label file of one picture, kept until the names of the class numbers are known. */
interface YoloFile {
  name: string;
  base: string;
  stem: string;
  lines: YoloLine[];
}

class AnnotationReader {
  readonly #index: PictureIndex;
  readonly #stems: ReadonlySet<string>;
  readonly #found = new Map<AnnotationFormat, Found>();
  readonly #unreadable: string[] = [];
  readonly #yolo: YoloFile[] = [];
  readonly #lists: { name: string; base: string; text: string }[] = [];
  readonly #tasks = new Set<string>();
  #classNames: ClassNames | null = null;
  #keyPoints = false;

  constructor(
    names: readonly string[],
    private readonly columns: TaskColumns | null,
  ) {
    this.#index = new PictureIndex(names);
    this.#stems = new Set(names.map((name) => stemOf(lastPart(name))));
  }

  async read(file: FolderFile, name: string): Promise<void> {
    const text = await this.#textOf(file, name);
    if (text === null) return;
    const fileName = file.name.text.toLowerCase();
    const base = name.slice(0, name.length - lastPart(name).length);
    if (CLASS_NAMES.test(fileName)) this.#classNames ??= namesInLines(text);
    else if (/\.ya?ml$/.test(fileName)) this.#readYaml(text);
    else if (fileName === '_annotations.txt') this.#lists.push({ name, base, text });
    else if (fileName.endsWith('.txt') && this.#stems.has(stemOf(file.name.text))) {
      this.#readYolo(name, base, stemOf(file.name.text), text);
    } else this.#add(base, name, this.#parse(fileName, name, text));
  }

  readNames(names: readonly string[]): void {
    const pictures = readLabelsInNames(names);
    const format = ANNOTATION_FORMATS.at(-1)!;
    if (pictures !== null) this.#add('', '', { format, pictures, faults: [] });
  }

  best(tool: Annotated['tool']): Annotated {
    this.#addYolo();
    let best: { format: AnnotationFormat; found: Found; labelled: number } | null = null;
    for (const format of ANNOTATION_FORMATS) {
      const found = this.#found.get(format);
      const labelled = [...(found?.labels.values() ?? [])].filter(
        ({ whole, boxes }) => whole.size > 0 || boxes.length > 0,
      ).length;
      if (found && labelled > (best?.labelled ?? 0)) best = { format, found, labelled };
    }
    const format = best?.format ?? null;
    const found = best?.found ?? NOTHING_FOUND;
    const faulty = best === null ? [...this.#found.values()] : [found];
    return {
      format,
      tool,
      boxes: [...found.labels.values()].some(({ boxes }) => boxes.length > 0),
      labelsOf: (name) => {
        const known = found.labels.get(name);
        return known === undefined ? NO_LABELS : { ...known, whole: [...known.whole] };
      },
      unreadable: [...this.#unreadable, ...faulty.flatMap(({ faults }) => faults)],
      missing: [...found.missing],
      tasks: this.#tasks,
    };
  }

  async #textOf(file: FolderFile, name: string): Promise<string | null> {
    try {
      const { size } = await stat(file.path);
      if (size > MAX_BYTES) return this.#refuse(name, `has more than ${MAX_BYTES} bytes`);
      const decoded = decodeText(await readFile(file.path));
      return (
        decoded.text ?? this.#refuse(name, decoded.encoding === 'unknown' ? decoded.fault : '')
      );
    } catch (error) {
      return this.#refuse(name, `cannot be read: ${fileProblem(error)}`);
    }
  }

  #parse(fileName: string, name: string, text: string): AnnotationFile | null {
    if (/\.(?:csv|tsv)$/.test(fileName)) return readCsvAnnotations(text, this.columns);
    if (fileName.endsWith('.xml')) {
      if (declaresEntities(text)) return this.#refuse(name, 'declares XML entities');
      return readXmlAnnotations(text);
    }
    if (/\.(?:json|labels)$/.test(fileName)) {
      const value = parseJson(text);
      if (value === undefined) return this.#refuse(name, 'is not valid JSON');
      return readJsonAnnotations(value, this.columns);
    }
    if (/\.(?:jsonl|ndjson)$/.test(fileName)) {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      const values = lines.map(parseJson).filter((value) => value !== undefined);
      const invalid = lines.length - values.length;
      if (invalid > 0)
        this.#refuse(name, `has ${invalid} of ${lines.length} lines that are not JSON`);
      return readJsonAnnotations(values, this.columns);
    }
    return null;
  }

  #readYaml(text: string): void {
    const yaml = readYoloYaml(text);
    if (yaml === null) return;
    this.#classNames = yaml.names;
    this.#keyPoints = yaml.keyPoints;
  }

  #readYolo(name: string, base: string, stem: string, text: string): void {
    const found = readYoloLines(text);
    if (found === null) return;
    const { lines, badLines } = found;
    this.#yolo.push({ name, base, stem, lines });
    if (badLines.length > 0) {
      this.#refuse(name, `has lines that are no YOLO boxes: ${badLines.slice(0, 5).join(', ')}`);
    }
  }

  #refuse(name: string, fault: string): null {
    this.#unreadable.push(`${name} ${fault}`);
    return null;
  }

  #add(base: string, file: string, annotations: AnnotationFile | null): void {
    if (annotations === null) return;
    const { format, pictures, faults, tasks = [] } = annotations;
    for (const task of tasks) this.#tasks.add(task);
    const found = this.#foundOf(format);
    found.faults.push(...faults.map((fault) => `${file} ${fault}`));
    for (const { picture, labels, boxes, group = null, split = null, elsewhere } of pictures) {
      const name = this.#index.find(base, picture);
      if (name === null) {
        if (labels.length + boxes.length > 0) found.missing.add(picture);
        continue;
      }
      const known = found.labels.get(name) ?? {
        whole: new Set(),
        boxes: [],
        group,
        split,
        elsewhere: false,
      };
      found.labels.set(name, known);
      known.group ??= group;
      known.split ??= split;
      known.elsewhere ||= elsewhere === true;
      for (const label of labels) known.whole.add(label);
      for (const box of boxes) known.boxes.push(box);
    }
  }

  #foundOf(format: AnnotationFormat): Found {
    const found = this.#found.get(format) ?? { labels: new Map(), faults: [], missing: new Set() };
    this.#found.set(format, found);
    return found;
  }

  /** Adds YOLO labels last: the file with the class names may have been read after them. */
  #addYolo(): void {
    const format = 'YOLO annotations';
    const names = this.#classNames;
    const unnamed = new Map<number, string[]>();
    const labelOf = (classNumber: number, file: string): string | null => {
      if (names === null) return String(classNumber);
      const label = names.get(classNumber) ?? null;
      if (label === null) listIn(unnamed, classNumber).push(file);
      return label;
    };
    for (const { name, base, stem, lines } of this.#yolo) {
      const boxes = lines.flatMap((line): LabelledBox[] => {
        const label = labelOf(line.classNumber, name);
        return label === null ? [] : [{ label, box: boxOfLine(line, this.#keyPoints) }];
      });
      const picture = `${stem}.txt`;
      const beside = base.replace(/(^|\/)labels\//i, '$1images/');
      this.#add(beside, name, { format, pictures: [{ picture, labels: [], boxes }], faults: [] });
    }
    for (const { name, base, text } of this.#lists) {
      const pictures = readYoloList(text, (classNumber) => labelOf(classNumber, name));
      if (pictures !== null) this.#add(base, name, { format, pictures, faults: [] });
    }
    for (const [classNumber, files] of unnamed) {
      const message = `has ${files.length === 1 ? 'a box' : 'boxes'} of class ${classNumber}, which has no name`;
      const more = files.length > 1 ? ` (${files.length} boxes in all)` : '';
      this.#foundOf(format).faults.push(`${files[0]} ${message}${more}`);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
