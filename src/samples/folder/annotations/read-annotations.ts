import { readFile, stat } from 'node:fs/promises';
import { fileProblem } from '../../../base/files/file-problem.js';
import { decodeText } from '../../../base/words/text.js';
import { type Folder, type FolderFile, visit } from '../../../vision/folder/folder-tree.js';
import type { PlacedPicture } from '../../../vision/folder/layout.js';
import { ANNOTATION_FORMATS, type AnnotationFile, type AnnotationFormat } from './annotation.js';
import { readCsvAnnotations } from './csv.js';
import { readLabelsInNames } from './edge-impulse-names.js';
import { readJsonAnnotations } from './json.js';
import { PictureIndex, stemOf } from './picture-index.js';
import { readXmlAnnotations } from './xml.js';
import { type ClassNames, namesInLines, namesInYaml, readYoloLines, readYoloList } from './yolo.js';

/** Annotations of the pictures of a folder. */
export interface Annotated {
  format: AnnotationFormat;
  /** The labels belong to boxes or other regions in the pictures. */
  boxes: boolean;
  /** Distinct labels of a picture, by its name relative to the folder. */
  labelOf(name: string): readonly string[];
  /** Messages about annotation files that cannot be read. */
  unreadable: string[];
}

/** Larger files are refused: they would not fit into memory beside the daemon. */
const MAX_BYTES = 64 * 1024 * 1024;
const ANNOTATION_ENDING = /\.(?:json|jsonl|ndjson|csv|tsv|xml|txt|ya?ml|labels|names)$/i;
const CLASS_NAMES = /^(?:classes\.txt|_classes\.txt|labels\.txt|obj\.names|.*_darknet\.labels)$/i;

/**
 * Reads annotations in a folder, in the formats of common tools. If there are several formats, the
 * one that labels most pictures is used. Null: no picture is labelled.
 */
export async function readAnnotations(
  root: Folder,
  pictures: readonly PlacedPicture[],
): Promise<Annotated | null> {
  const names = pictures.map(({ name }) => name);
  const reader = new AnnotationReader(names);
  const files: { file: FolderFile; name: string }[] = [];
  visit(root, '', (file, name) => {
    if (!file.isPicture && ANNOTATION_ENDING.test(file.name.text)) files.push({ file, name });
  });
  for (const { file, name } of files) await reader.read(file, name);
  reader.readNames(names);
  return reader.best();
}

interface Found {
  boxes: boolean;
  labels: Map<string, Set<string>>;
}

/** A label file of one picture, kept until the names of the class numbers are known. */
interface YoloFile {
  base: string;
  stem: string;
  classes: number[];
}

class AnnotationReader {
  readonly #index: PictureIndex;
  readonly #stems: ReadonlySet<string>;
  readonly #found = new Map<AnnotationFormat, Found>();
  readonly #unreadable: string[] = [];
  readonly #yolo: YoloFile[] = [];
  readonly #lists: { base: string; text: string }[] = [];
  #classNames: ClassNames | null = null;

  constructor(names: readonly string[]) {
    this.#index = new PictureIndex(names);
    this.#stems = new Set(names.map((name) => stemOf(lastPart(name))));
  }

  async read(file: FolderFile, name: string): Promise<void> {
    const text = await this.#textOf(file, name);
    if (text === null) return;
    const fileName = file.name.text.toLowerCase();
    const base = name.slice(0, name.length - lastPart(name).length);
    if (CLASS_NAMES.test(fileName)) this.#classNames ??= namesInLines(text);
    else if (/\.ya?ml$/.test(fileName)) this.#classNames = namesInYaml(text) ?? this.#classNames;
    else if (fileName === '_annotations.txt') this.#lists.push({ base, text });
    else if (fileName.endsWith('.txt') && this.#stems.has(stemOf(file.name.text))) {
      const classes = readYoloLines(text);
      if (classes !== null) this.#yolo.push({ base, stem: stemOf(file.name.text), classes });
    } else this.#add(base, this.#parse(fileName, name, text));
  }

  readNames(names: readonly string[]): void {
    const pictures = readLabelsInNames(names);
    const format = ANNOTATION_FORMATS.at(-1)!;
    if (pictures !== null) this.#add('', { format, pictures, boxes: false });
  }

  best(): Annotated | null {
    this.#addYolo();
    let best: { format: AnnotationFormat; found: Found; labelled: number } | null = null;
    for (const format of ANNOTATION_FORMATS) {
      const found = this.#found.get(format);
      const labelled = [...(found?.labels.values() ?? [])].filter(({ size }) => size > 0).length;
      if (found && labelled > (best?.labelled ?? 0)) best = { format, found, labelled };
    }
    if (best === null) return null;
    const { format, found } = best;
    const labelOf = (name: string): string[] => [...(found.labels.get(name) ?? [])];
    return { format, boxes: found.boxes, labelOf, unreadable: this.#unreadable };
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
    if (/\.(?:csv|tsv)$/.test(fileName)) return readCsvAnnotations(text);
    if (fileName.endsWith('.xml')) return readXmlAnnotations(text);
    if (/\.(?:json|labels)$/.test(fileName)) {
      const value = parseJson(text);
      if (value === undefined) return this.#refuse(name, 'is not valid JSON');
      return readJsonAnnotations(value);
    }
    if (/\.(?:jsonl|ndjson)$/.test(fileName)) {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      const values = lines.map(parseJson).filter((value) => value !== undefined);
      const invalid = lines.length - values.length;
      if (invalid > 0)
        this.#refuse(name, `has ${invalid} of ${lines.length} lines that are not JSON`);
      return readJsonAnnotations(values);
    }
    return null;
  }

  #refuse(name: string, fault: string): null {
    this.#unreadable.push(`${name} ${fault}`);
    return null;
  }

  #add(base: string, file: AnnotationFile | null): void {
    if (file === null) return;
    const found = this.#found.get(file.format) ?? { boxes: false, labels: new Map() };
    this.#found.set(file.format, found);
    found.boxes ||= file.boxes;
    for (const { picture, labels } of file.pictures) {
      const name = this.#index.find(base, picture);
      if (name === null) continue;
      const known = found.labels.get(name) ?? new Set();
      found.labels.set(name, known);
      for (const label of labels) known.add(label);
    }
  }

  /** Adds YOLO labels last: the file with the class names may have been read after them. */
  #addYolo(): void {
    const names = this.#classNames ?? new Map<number, string>();
    const format = 'YOLO annotations';
    for (const { base, stem, classes } of this.#yolo) {
      const labels = classes.map((number) => names.get(number) ?? String(number));
      const picture = `${stem}.txt`;
      const beside = base.replace(/(^|\/)labels\//i, '$1images/');
      this.#add(beside, { format, pictures: [{ picture, labels }], boxes: true });
    }
    for (const { base, text } of this.#lists) {
      const pictures = readYoloList(text, names);
      if (pictures !== null) this.#add(base, { format, pictures, boxes: true });
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
