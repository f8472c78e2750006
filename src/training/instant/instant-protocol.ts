import type { SerialisedError } from '../../base/errors.js';
import type { Head } from '../../head/head.js';
import type { Prior } from '../../head/serving/prior.js';
import type { Trust } from '../../head/trust.js';

/** Start data of the thread. */
export interface InstantSettings {
  dbPath: string;
  /** Name of the task whose labels are learnt. */
  task: string;
  /** A class with fewer labels is not answered. */
  minLabelsPerClass: number;
}

/** A request for a head from the current labels. */
export interface InstantRequest {
  /** Identifies the features: those of the running backbone. */
  backboneChecksum: string;
  /** The trained head that serves; null: none does. */
  base: Head | null;
  /** The label revision up to which the base has learnt; ignored without a base. */
  sinceRevision: number;
}

/** A head without a training; it never enters the registry. */
export interface InstantHead {
  head: Head;
  /** Null: the probabilities are those of the head. */
  prior: Prior | null;
  /** Number of labels that it has learnt beyond those of its base. */
  labels: number;
  /** Classes that its base does not know, sorted; without a base, all classes. */
  newClasses: string[];
  /** Label revision up to which it has learnt. */
  revision: number;
  /** Null: the trust of the base still applies. */
  trust: Trust | null;
}

export type ToInstantWorker = { id: number; request: InstantRequest } | 'close';

export type FromInstantWorker =
  /** Null: there is nothing to learn beyond the base, or too little for a first head. */
  { id: number; learnt: InstantHead | null } | { id: number; error: SerialisedError };
