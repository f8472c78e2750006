import type { Position } from '../base/geo/position.js';

/** Where a label came from. */
export type LabelSource = 'import' | 'mqtt' | 'cli' | 'console' | 'button';

/** Why a task neither learns from a sample nor asks about it. */
export const EXCLUSIONS = ['cannot_tell', 'bad_image', 'ignored'] as const;
export type Exclusion = (typeof EXCLUSIONS)[number];

/** `trash`: removed, and not yet for good. */
export type SampleState = 'labelled' | 'waiting' | Exclusion | 'trash';

/** What to make of a sample. `restored`: out of the trash, as it was; any other stays as it is. */
export type SampleChange =
  | { label: string }
  | { state: Exclude<SampleState, 'labelled'> | 'restored' };

/** What a task knows about one of its samples. */
export interface Mark {
  label: string | null;
  labelSource: LabelSource | null;
  /** Unix time, milliseconds. */
  labelledAtMs: number | null;
  excluded: Exclusion | null;
}

/** What a sample was before a change. */
export interface FormerState {
  id: string;
  /** `absent`: it was none of the task's. */
  state: SampleState | 'absent';
  /** In the trash: that with which it was removed, its class called as then. Absent: empty. */
  mark: Mark;
  /** Label revision at which it was removed; null: it is not in the trash. */
  removedRevision: number | null;
}

/** A stored frame: labelled for training, waiting for a label, or kept without either. */
export interface Sample {
  /** UUIDv7: sorts by time of admission. */
  id: string;
  state: SampleState;
  /** Null: it has none; see `state`. */
  label: string | null;
  labelSource: LabelSource | null;
  /** Unix time of the label, milliseconds. */
  labelledAtMs: number | null;
  /** Frames captured close together; never split between training and holdout. */
  group: string;
  /** True when its group is held out: no head is ever trained on it. */
  holdout: boolean;
  /** True when the user wants its group held out, even if its class has few training samples. */
  kept: boolean;
  /** Camera name, or "import". */
  source: string;
  /** Unix time of capture, milliseconds. */
  capturedAtMs: number;
  /** Original file name relative to the imported folder, if it was imported. */
  origin: string | null;
  /** 64-bit difference hash of the picture, 16 hex digits. */
  dhash: string;
  /** SHA-256 of the picture's bytes, hex: the same file is never stored twice. */
  pictureSha256: string;
  /** Bytes of the stored picture; 0: it was thinned out, and labels and features remain. */
  pictureBytes: number;
  /** Number of times that the picture or a near-duplicate was captured, from 1. */
  multiplicity: number;
  /** Where it was captured; null: not known. */
  position: Position | null;
}

export interface NewSample {
  jpeg: Uint8Array;
  label: string | null;
  labelSource: LabelSource | null;
  group: string;
  source: string;
  capturedAtMs: number;
  origin?: string | null;
  dhash: string;
  /** Absent or null: not known. */
  position?: Position | null;
}
