import type { SerialisedError } from '../../base/errors.js';
import type { Head } from '../../head/head.js';
import type { Prior } from '../../head/prior.js';
import type { Trust } from '../../head/trust.js';

/** What the thread starts with. */
export interface InstantSettings {
  dbPath: string;
  /** A class with fewer labels is not answered. */
  minLabelsPerClass: number;
}

/** A head to be made from the labels as they are now. */
export interface InstantRequest {
  /** Names the features: those of the running backbone. */
  backboneChecksum: string;
  /** The trained head that serves; null: none does. */
  base: Head | null;
  /** The label revision up to which the base has learnt; ignored without a base. */
  sinceRevision: number;
}

/** A head that no training has seen; it never enters the registry. */
export interface InstantHead {
  head: Head;
  /** Null: the probabilities are those of the head. */
  prior: Prior | null;
  /** Labels that it has learnt, beyond those of its base. */
  labels: number;
  /** Classes that its base does not know, sorted; without a base all of them. */
  newClasses: string[];
  /** The label revision that it is up to. */
  revision: number;
  /** Null: that of the base holds. */
  trust: Trust | null;
}

export type ToInstantWorker = { id: number; request: InstantRequest } | 'close';

export type FromInstantWorker =
  /** Null: there is nothing to learn beyond the base, or too little for a first head. */
  { id: number; learnt: InstantHead | null } | { id: number; error: SerialisedError };
