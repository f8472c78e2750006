import type { Split } from '../../vision/folder/splits.js';

export interface FoundPicture {
  /** Absolute, as bytes: names need not be text. */
  path: Buffer;
  /** Relative to the imported folder, with "/". */
  name: string;
  /** Null: waits for a label, in {@link WAITING_FOLDER} of an export. */
  label: string | null;
  split: Split | null;
  /** Folders around it that are neither its class nor a split; null: none. */
  session: string | null;
  /** Of a part that a person wants held out. */
  keptOut: boolean;
}

/** Something in the way, by its name relative to the imported folder. */
export interface Obstacle {
  origin: string;
  code: string;
  message: string;
  /** What its kind has in common, in words for a summary: "a HEIC picture". */
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
  /** In words. */
  reason: string;
  files: number;
  /** Names of the first ones. */
  examples: string[];
}

/** What lies in a folder that is to be imported. */
export interface FoundFolder {
  /** Sorted by name. */
  pictures: FoundPicture[];
  /** Classes, also those without a picture: label, and names of their folders. */
  classes: ReadonlyMap<string, string[]>;
  refused: Obstacle[];
  leftOut: LeftOut[];
  notes: Note[];
}

/** Samples that wait for a label stand here in an export; "." keeps it from being a class. */
export const WAITING_FOLDER = '.waiting';

/** At most three names, and how many more there are. */
export function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** "1 picture", "7 pictures". */
export function countOf(count: number, noun = 'picture'): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}
