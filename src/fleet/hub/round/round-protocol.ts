import type { SerialisedError } from '../../../base/errors.js';

/** The merged sums of a task, for the thread. */
export interface LoadedTask {
  backbone: string;
  featureSize: number;
  basisChecksum: string;
  directions: number;
  /** As robots name them; both parts of exact sums. */
  classes: { label: string; robots: number; coarse: Float64Array; fine: Float64Array }[];
  aliases: { label: string; instead: string }[];
  neverShared: string[];
  /** Of the noise in every value, by all robots together; 0: none. */
  variance: number;
}

/** What a head is made from. */
export interface HeadRecipe {
  /** Encoded sums of the fleet. */
  snapshot: Uint8Array;
  featureSize: number;
  /** Encoded; null: the identity. */
  basis: Uint8Array | null;
  lambda: number;
  scale: number;
  /** Histogram of novelty scores by heads without the robot of each sample. */
  novelty: number[];
}

/** Calls of the thread by name: what they take, and what they answer. */
export interface RoundCalls {
  /** Keeps the sums for the calls after it. */
  load: [LoadedTask, null];
  /** Encoded sums of all robots, by the names of the fleet. */
  snapshot: [null, { bytes: Uint8Array; labels: string[]; samples: number }];
  /** Candidates without these sums of a robot (null: of all); null: fewer than two classes are left. */
  candidates: [Uint8Array | null, Uint8Array | null];
  /** Encoded sums without those of a robot (null: of all); null: nothing is left. */
  prior: [Uint8Array | null, Uint8Array | null];
  /** An encoded head. */
  head: [HeadRecipe, Uint8Array];
  /** An encoded basis from moments: their sum, packed. */
  basis: [
    { moment: Float64Array; featureSize: number; directions: number },
    { bytes: Uint8Array | null; checksum: string; directions: number },
  ];
}

export type RoundCall = keyof RoundCalls;

export interface RoundRequest {
  id: number;
  call: RoundCall;
  value: unknown;
}

export type RoundReply = { id: number; value: unknown } | { id: number; error: SerialisedError };
