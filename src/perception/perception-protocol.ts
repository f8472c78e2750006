import type { Execution } from '../backbone/engines/engine-onnx.js';
import type { ModelCard } from '../backbone/model-card.js';
import type { VariantGolden } from '../backbone/variant-golden.js';
import type { SerialisedError } from '../base/errors.js';
import type { TaskEyes } from '../base/words/task.js';
import type { BeliefParameters } from '../head/belief/belief-parameters.js';
import type { Head } from '../head/head.js';
import type { Prior } from '../head/serving/prior.js';
import type { TrustLevel } from '../head/trust.js';
import type { Fit } from '../vision/image.js';
import type { Decision, DecisionSettings, LearntLabels, SceneDecision } from './decision.js';

/** What perception needs to open the backbone and to decide. */
export interface PerceptionSettings {
  backbone: string;
  cardsDir: string | null;
  /** Folder that `models add` writes; it may be absent. */
  addedCardsDir: string | null;
  cacheDir: string;
  threads: number;
  execution: Execution;
  fit: Fit;
  maxPictureBytes: number;
  maxPicturePixels: number;
  /** At least one. */
  tasks: readonly PerceptionTask[];
}

/** A task as perception knows it. */
export interface PerceptionTask extends TaskEyes {
  name: string;
  decision: DecisionSettings;
}

/**
 * Start data of the worker thread. It reads no file and checks no card, because both take memory.
 */
export interface WorkerSettings {
  card: ModelCard;
  /** The converted model, in memory of its own. */
  model: Uint8Array;
  /** SHA-256 (hex) of `model`. */
  modelChecksum: string;
  /** For an 8-bit variant: the features that it must compute from the check picture. */
  variantGolden: VariantGolden | null;
  /** Identifies the features: by the model and the fit. */
  checksum: string;
  threads: number;
  execution: Execution;
  tasks: readonly PerceptionTask[];
}

export interface BackboneInfo {
  name: string;
  /** Identifies the features; those of different checksums never mix. */
  checksum: string;
  engine: string;
  featureSize: number;
  inputSize: number;
  /** The configured 8-bit backbone that this one replaces, because it does not fit this machine. */
  insteadOf: string | null;
}

export interface Timings {
  decodeMs: number;
  backboneMs: number;
  headMs: number;
  /** From the encoded image to the decision, including hand-over and waiting. */
  totalMs: number;
}

/** The result of one frame. `features` is the embedding, `dhash` the hash of the image. */
export interface Perceived {
  /** The answers of the tasks that decide on it, in the order of the configuration. */
  answers: TaskAnswer[];
  features: Float32Array;
  dhash: string;
  timings: Timings;
}

/** The answer of one task to one frame. */
export interface TaskAnswer {
  task: string;
  decision: Decision;
  /** Null while no head serves. */
  scene: SceneDecision | null;
}

export interface ServingHead {
  /**
   * Version in the registry; null: a head from the first labels, because no trained head serves.
   */
  version: number | null;
  head: Head;
  /** Absent: not known of this head. */
  trust?: TrustLevel;
  /**
   * Labels with too few known answers to tell how often they are wrong: an answer with one of them is a
   * guess. Absent: none.
   */
  unproven?: readonly string[];
  /** Labels learnt since that version; absent: none. */
  learnt?: LearntLabels;
  /** Parameters of its decisions over time; absent: the default ones. */
  belief?: BeliefParameters;
  /** Prior that its probabilities are mixed with; absent: none. */
  prior?: Prior;
}

/** The part of an answer that decisions over time need. */
export interface Scores {
  /** One per label of the head, calibrated, 0..1. */
  probabilities: Float32Array;
  /** Answers of this probability or more are no guesses; above 1: every answer is a guess. */
  answerProbability: number;
  /** The frame in the subspace of the head's novelty model; null without one. */
  point: Float64Array | null;
}

/** The answer of the head of one task. */
export interface WorkerAnswer {
  task: string;
  decision: Decision;
  /** Null while no head serves. */
  scores: Scores | null;
}

/** The result of the worker for one frame. */
export interface Seen {
  answers: WorkerAnswer[];
  features: Float32Array;
  /** `headMs`: of all heads together. */
  timings: Pick<Timings, 'backboneMs' | 'headMs'>;
}

export type ToWorker =
  | { type: 'frame'; id: number; slot: number; tasks: string[] }
  | { type: 'head'; id: number; task: string; serving: ServingHead | null }
  | { type: 'close' };

export type FromWorker =
  /**
   * The buffers are the slots of the ring that frames pass through. `unaccelerated`: why the CPU computes
   * instead of the configured execution provider.
   */
  | {
      type: 'ready';
      backbone: BackboneInfo;
      unaccelerated: SerialisedError | null;
      buffers: SharedArrayBuffer[];
    }
  | { type: 'seen'; id: number; seen: Seen }
  | { type: 'refused'; id: number; error: SerialisedError }
  /** The head with this id decides from the next frame on. */
  | { type: 'swapped'; id: number }
  /** The head with this id cannot decide; the head before it stays. */
  | { type: 'head-refused'; id: number; error: SerialisedError }
  | { type: 'failed'; error: SerialisedError };
