import type { SerialisedError } from '../errors.js';
import type { Head } from '../head/head.js';
import type { Fit } from '../vision/image.js';
import type { Decision, DecisionSettings } from './decision.js';

/** What the worker thread needs to open the backbone and to decide. */
export interface PerceptionSettings {
  backbone: string;
  cardsDir: string | null;
  cacheDir: string;
  threads: number;
  fit: Fit;
  maxPictureBytes: number;
  maxPicturePixels: number;
  decision: DecisionSettings;
}

export interface BackboneInfo {
  name: string;
  /** Names its features: those of another checksum never mix with them. */
  checksum: string;
  engine: string;
  featureSize: number;
  inputSize: number;
}

export interface Timings {
  decodeMs: number;
  backboneMs: number;
  headMs: number;
  totalMs: number;
}

/** What became of one frame. `features` is the embedding, `dhash` the picture's hash. */
export interface Perceived {
  decision: Decision;
  features: Float32Array;
  dhash: string;
  timings: Timings;
}

export interface ServingHead {
  version: number;
  head: Head;
}

export type ToWorker =
  | { type: 'frame'; id: number; jpeg: Uint8Array }
  | { type: 'head'; serving: ServingHead | null }
  | { type: 'close' };

export type FromWorker =
  | { type: 'ready'; backbone: BackboneInfo }
  | { type: 'perceived'; id: number; perceived: Perceived }
  | { type: 'refused'; id: number; error: SerialisedError }
  | { type: 'failed'; error: SerialisedError };
