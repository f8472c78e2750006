import type { Position } from '../../base/geo/position.js';

export interface GroupItem {
  /** File name relative to the imported folder, with "/". */
  name: string;
  label: string | null;
  /** SHA-256 of the picture, hex; unique among the items. */
  sha256: string;
  /** Unix time, milliseconds; null when unknown or implausible. */
  captureTimeMs: number | null;
  /** Position of capture; null when unknown. */
  place: Pick<Position, 'latitude' | 'longitude'> | null;
  /** Parent folders that are neither its class nor a split, such as a day or field; null: none. */
  session: string | null;
  /** 16 hex digits. */
  dhash: string;
  /** Existing group: it is kept, and related pictures join it. */
  group: string | null;
}

/** Group of each item; null: none yet. */
export type Groups = readonly (string | null)[];
