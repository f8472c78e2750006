import { isHeadlandError } from '../../base/errors.js';
import { joinAlike, normaliseLabel } from '../../base/words/label.js';
import type { FileName } from '../../vision/folder/file-name.js';
import type { Note } from './found.js';

/** A class as a folder or an annotation names it. */
export interface NamedClass {
  name: Pick<FileName, 'text' | 'encoding'>;
  /** Its location, for notes. */
  where: string;
  pictures: number;
}

export interface UnusableClass extends Note {
  where: string;
  pictures: number;
}

/** Maps class names to labels. */
export class ClassLabels {
  readonly unusable: UnusableClass[] = [];
  readonly notes: Note[] = [];
  readonly #labels = new Map<string, string>();

  /**
   * @param classes in the order of their names
   * @param known labels of the store: their spelling has priority
   * @param keepAlike labels that look alike stay separate classes
   */
  constructor(classes: readonly NamedClass[], known: readonly string[], keepAlike: boolean) {
    const pictures = new Map<string, number>();
    for (const one of classes) {
      const label = this.#read(one);
      if (label !== null) pictures.set(label, (pictures.get(label) ?? 0) + one.pictures);
    }
    if (keepAlike) return;
    for (const [label, kept] of joinAlike(pictures, known)) this.#join(label, kept);
  }

  /** The label of a class name; null: the name cannot be a label. */
  labelOf(name: string): string | null {
    return this.#labels.get(name) ?? null;
  }

  #read({ name, where, pictures }: NamedClass): string | null {
    const known = this.#labels.get(name.text);
    if (known !== undefined) return known;
    if (name.encoding === null) {
      const message = `the name of folder "${where}" is not UTF-8 or another known encoding; rename it`;
      this.unusable.push({ code: 'HL_IMPORT_NAME_ENCODING', message, where, pictures });
      return null;
    }
    try {
      const label = normaliseLabel(name.text);
      this.#labels.set(name.text, label);
      if (name.encoding !== 'UTF-8') {
        const message = `the name of folder "${where}" is not UTF-8; decoded as ${name.encoding}: "${label}". Rename it if that is wrong`;
        this.notes.push({ code: 'HL_IMPORT_NAME_ENCODING', message });
      }
      return label;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.unusable.push({ code: error.code, message: error.message, where, pictures });
      return null;
    }
  }

  #join(label: string, kept: string): void {
    for (const [name, read] of this.#labels) if (read === label) this.#labels.set(name, kept);
    this.notes.push({
      code: 'HL_LABEL_ALIKE',
      message: `"${label}" was merged into "${kept}": the names look alike. If they are two classes, import with --keep-alike`,
    });
  }
}
