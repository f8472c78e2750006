import type { Place } from '../../vision/exif.js';

export interface GroupItem {
  /** File name relative to the imported folder, with "/". */
  name: string;
  label: string | null;
  /** Of the picture, hex; unique among the items. */
  sha256: string;
  /** Unix time, milliseconds; null when the picture does not say, or says what cannot be true. */
  captureTimeMs: number | null;
  /** Where it was taken; null when the picture does not say. */
  place: Place | null;
  /** Folders around it that are neither its class nor a split: a day, a field; null: none. */
  session: string | null;
  /** 16 hex digits. */
  dhash: string;
  /** Set for pictures that have a group already: it stays, and what belongs to them joins it. */
  group: string | null;
}

/** Group of each item; null: it has none yet. */
export type Groups = readonly (string | null)[];
