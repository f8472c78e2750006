import type { ModelCard } from '../backbone/model-card.js';
import type { VariantGolden } from '../backbone/variant-golden.js';
import type { SerialisedError } from '../base/errors.js';
import type { Head } from '../head/head.js';
import type { Prior } from '../head/prior.js';
import type { TrustLevel } from '../head/trust.js';
import type { Fit } from '../vision/image.js';
import type { Decision, DecisionSettings, LearntLabels } from './decision.js';

/** What perception needs to open the backbone and to decide. */
export interface PerceptionSettings {
  backbone: string;
  cardsDir: string | null;
  /** Folder that `models add` writes; it may be absent. */
  addedCardsDir: string | null;
  cacheDir: string;
  threads: number;
  fit: Fit;
  maxPictureBytes: number;
  maxPicturePixels: number;
  decision: DecisionSettings;
}

/** What the worker thread starts with: it reads no file and checks no card, which takes memory. */
export interface WorkerSettings {
  card: ModelCard;
  /** The converted model, in memory of its own. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  modelChecksum: string;
  /** Of an 8-bit variant: what it must compute of the check picture. */
  variantGolden: VariantGolden | null;
  /** Names the features: of the model and the fit. */
  checksum: string;
  threads: number;
  decision: DecisionSettings;
}

export interface BackboneInfo {
  name: string;
  /** Names its features: those of another checksum never mix with them. */
  checksum: string;
  engine: string;
  featureSize: number;
  inputSize: number;
  /** The configured 8-bit backbone that this one serves for, because it does not fit this machine. */
  insteadOf: string | null;
}

export interface Timings {
  decodeMs: number;
  backboneMs: number;
  headMs: number;
  /** From the encoded picture to the decision, with hand-over and waiting. */
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
  /** Of the registry; null: no trained head serves, this one comes from the first labels. */
  version: number | null;
  head: Head;
  /** Absent: not known of this head. */
  trust?: TrustLevel;
  /** What it has learnt beyond its version; absent: it is as it was trained. */
  learnt?: LearntLabels;
  /** What its probabilities are drawn towards; absent: nothing. */
  prior?: Prior;
}

/** What the worker found in the pixels of one frame. */
export type Seen = Pick<Perceived, 'decision' | 'features'> & {
  timings: Pick<Timings, 'backboneMs' | 'headMs'>;
};

export type ToWorker =
  | { type: 'frame'; id: number; slot: number }
  | { type: 'head'; id: number; serving: ServingHead | null }
  | { type: 'close' };

export type FromWorker =
  /** With the slots of the ring that frames come through. */
  | { type: 'ready'; backbone: BackboneInfo; buffers: SharedArrayBuffer[] }
  | { type: 'seen'; id: number; seen: Seen }
  | { type: 'refused'; id: number; error: SerialisedError }
  /** The head with this id decides from the next frame on. */
  | { type: 'swapped'; id: number }
  /** The head with this id cannot decide; the one before goes on. */
  | { type: 'head-refused'; id: number; error: SerialisedError }
  | { type: 'failed'; error: SerialisedError };
