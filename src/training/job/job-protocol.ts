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
  trainingId: string;
  task: string;
  trigger: TrainingTrigger;
  dbPath: string;
  registryDir: string;
  cacheDir: string;
  /** Folder that `models add` writes; it may be absent. */
  addedCardsDir?: string;
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
export type TrainerMessage =
  /** `courteous`: the job has no low priority and rests for other programs instead. */
  | { type: 'start'; settings: JobSettings; courteous: boolean }
  | { type: 'cancel' | 'pause' | 'resume' };

/** From the job to the trainer. */
export type JobMessage =
  | ({ type: 'progress' } & StepProgress)
  | { type: 'outcome'; result: JobResult }
  | { type: 'error'; error: SerialisedError };
