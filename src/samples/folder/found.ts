import type { Split } from '../../vision/folder/splits.js';
import type { PictureBox } from '../../vision/picture-box.js';
import type { ManifestEntry } from './manifest.js';

/** A picture of a folder, or a part of one: what becomes one sample. */
export interface FoundPicture {
  /** Absolute, as bytes: file names need not be valid text. */
  path: Buffer;
  /** Relative to the imported folder, with "/". */
  name: string;
  /** Null: from {@link WAITING_FOLDER} of an export, waits for a label. */
  label: string | null;
  split: Split | null;
  /** Parent folders that are neither its class nor a split; null: none. */
  session: string | null;
  /** Group that a table names; null: none. */
  group: string | null;
  /** From a part that the user wants held out. */
  keptOut: boolean;
  /** The part of the picture that is cut out; null: the picture as it is. */
  box: PictureBox | null;
}

/** A file or folder that cannot be imported; `origin` is relative to the imported folder. */
export interface Obstacle {
  origin: string;
  code: string;
  message: string;
  /** Reason for a summary, common to all obstacles of a kind: "a HEIC picture". */
  reason: string;
  remedy: string;
}

/** A note for the person who imports. */
export interface Note {
  code: string;
  message: string;
}

/** Files that were left out for one reason. */
export interface LeftOut {
  code: string;
  /** For people. */
  reason: string;
  files: number;
  /** Names of the first ones. */
  examples: string[];
}

/** Contents of a folder to import. */
export interface FoundFolder {
  /** How it is laid out, for people: "class folders in the splits train, valid". */
  layout: string;
  /** Sorted by name; the parts of a picture follow each other. */
  pictures: FoundPicture[];
  /** Names of folders by label, including classes without a picture. */
  classes: ReadonlyMap<string, string[]>;
  refused: Obstacle[];
  leftOut: LeftOut[];
  notes: Note[];
  /** Entries of sidecars; empty: the folder has none. */
  sidecars: readonly ManifestEntry[];
  /** Tasks for which its tables have labels, in columns of their own. */
  tasks: ReadonlySet<string>;
}

/** Folder of an export for samples that wait for a label; the "." keeps it from being a class. */
export const WAITING_FOLDER = '.waiting';

/** Formats at most three names and the number of others. */
export function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** "1 picture", "7 pictures". */
export function countOf(count: number, noun = 'picture'): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}
