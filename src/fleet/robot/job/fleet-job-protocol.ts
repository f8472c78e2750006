import type { Config } from '../../../config/schema.js';
import type { ObjectFile } from '../../../training/job/job-protocol.js';

/** What every work of the process needs; plain JSON. */
export interface WorkBase {
  dbPath: string;
  task: string;
  /** Settings that the samples are opened with. */
  samples: Config['samples'];
  /** Checksum of the features, and their length. */
  backbone: string;
  featureSize: number;
  /** Folder that the result is written to, under its SHA-256. */
  outDir: string;
  /** Labels whose samples are left out. */
  neverShare: readonly string[];
}

/** Of what is contributed to the fleet. */
export interface Contribution extends WorkBase {
  minSamplesPerClass: number;
  /** Standard deviation of the noise in each value; 0: none. */
  sigma: number;
  /** Content of the last contribution: the same is not made again. Null: there was none. */
  known: string | null;
  /** What was sent last of each class; null: nothing. */
  given: ObjectFile | null;
}

export interface BasisFile {
  checksum: string;
  directions: number;
  /** Null: all directions. */
  file: ObjectFile | null;
}

export type FleetWork =
  | ({ kind: 'moment' } & Contribution)
  | ({
      kind: 'sums';
      basis: BasisFile;
      /** Sums that were sent in this basis; null: none. */
      last: ObjectFile | null;
    } & Contribution)
  | ({
      kind: 'evaluation';
      round: number;
      basis: BasisFile;
      candidates: ObjectFile;
      aliases: readonly { label: string; instead: string }[];
    } & WorkBase);

export interface FleetWorkResult {
  /** SHA-256 of the result, which is in the folder; null: nothing has changed, or there is nothing. */
  object: string | null;
  /** Samples in it. */
  samples: number;
  content: string;
  /** SHA-256 of what is to be {@link Contribution.given} next time, in the folder; null: as before. */
  given: string | null;
  /** Samples that would be in it and have no features yet. */
  pending: number;
}
