import type { PartName } from './facts.js';

/** What one process of `chaos power` checks. */
export interface Share {
  traceFile: string;
  root: string;
  markFile: string;
  /** About so many states of each part, by all processes together. */
  states: Partial<Record<PartName, number>>;
  seed: number;
  /** Longest time, seconds. */
  seconds: number;
  worker: number;
  workers: number;
  /** A folder of its own in memory. */
  scratch: string;
  /** A longer start is a violation. */
  mostOpenMs: number;
  /** Leaves out the flushes of each of these sites, one after the other; null: of none. */
  without: (string | null)[];
  stopsAtFirst: boolean;
}

export interface ShareOutcome {
  part: PartName;
  /** The site whose flushes were left out. */
  without: string | null;
  /** States that were checked; the same bytes at two moments are two, for more is acknowledged later. */
  states: number;
  /** Of them with different bytes: each was opened. */
  distinct: number;
  violations: string[];
  /** False: the time was over before. */
  complete: boolean;
  /** Longest start, milliseconds. */
  maxOpenMs: number;
  actions: number;
  /** Moments of a cut at which something is not secured. */
  moments: number;
}
