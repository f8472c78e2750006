import type { SerialisedError } from '../../base/errors.js';
import type { HoldReason } from '../../base/words/hold-reason.js';
import type { Config } from '../../config/schema.js';
import type { JobResult, TrainingTrigger } from '../report.js';

/** The sections of the configuration that a training needs. */
export type TrainerSettings = Pick<
  Config,
  'models' | 'inference' | 'samples' | 'augmentation' | 'training' | 'gate' | 'heads'
>;

/** Everything that the forked job needs; plain JSON. */
export interface JobSettings extends TrainerSettings {
  /** The head of the fleet that the new head is made of; absent: it is made of own samples alone. */
  fleet?: FleetTraining;
  trainingId: string;
  task: string;
  trigger: TrainingTrigger;
  dbPath: string;
  registryDir: string;
  cacheDir: string;
  /** Folder that `models add` writes; it may be absent. */
  addedCardsDir?: string;
}

/** A head of the fleet that a robot takes. */
export interface FleetTraining {
  /** Version of the fleet. */
  version: number;
  /** Object id of the head, and samples of the whole fleet in it. */
  object: string;
  samples: number;
  /**
   * `judge`: own samples are blended in, and the gate decides; `judge-or-adopt`: as it is where there are too
   * few samples to train with; `adopt`: as it is, and no gate decides.
   */
  mode: 'judge' | 'judge-or-adopt' | 'adopt';
  /** Files of objects of the hub, and their ids. */
  head: ObjectFile;
  /** Sums of all other robots; null: the hub gives none. */
  prior: ObjectFile | null;
  /** Own samples weigh more in the head; else it is the fleet's, and own samples only judge it. */
  blend: boolean;
  /** Null: all directions of the features. */
  basis: ObjectFile | null;
  lambdaIndex: number;
  /** Factor from ridge outputs to logits. */
  scale: number;
  /** Names of the fleet for labels of robots. */
  aliases: readonly { label: string; instead: string }[];
}

export interface ObjectFile {
  path: string;
  /** SHA-256 of its bytes, hexadecimal. */
  id: string;
}

/** In this order; `embed` counts forward passes, `fit` recipes, the others steps. */
export type TrainingPhase = 'collect' | 'embed' | 'fit' | 'evaluate' | 'publish';

/** Progress as the job reports it. */
export interface StepProgress {
  phase: TrainingPhase;
  done: number;
  total: number;
  /** Seconds until the end of this phase; null: not known yet. */
  etaSeconds: number | null;
}

export interface TrainingProgress extends StepProgress {
  /** Null: it runs. */
  paused: HoldReason | null;
}

/** From the trainer to the job. */
export type TrainerMessage<S = JobSettings> =
  /** `courteous`: the job has no low priority and rests for other programs instead. */
  { type: 'start'; settings: S; courteous: boolean } | { type: 'cancel' | 'pause' | 'resume' };

/** From the job to the trainer. */
export type JobMessage<R = JobResult> =
  | ({ type: 'progress' } & StepProgress)
  | { type: 'outcome'; result: R }
  | { type: 'error'; error: SerialisedError };
